import pytest

from vidlocal.cluster.addresses import is_loopback, local_address, parse_address
from vidlocal.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.168.1.20", "tls://192.168.1.20:8786"),
        ("nas.local:9000", "tls://nas.local:9000"),
        ("tls://10.0.0.5:8786", "tls://10.0.0.5:8786"),
        ("tls://[fd00::1]:1", "tls://[fd00::1]:1"),
        ("tcp://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
    ],
)
def test_an_address_has_protocol_host_and_port(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize("text", ["", "http://nas:1", "tls://nas:99999", "tls://nas/x", "tls://:1", "a b:1:2"])
def test_a_text_that_is_no_address_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="not the address"):
        parse_address(text)


def test_plain_tcp_to_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="not encrypted"):
        parse_address("tcp://192.168.1.20:8786")


def test_the_address_towards_this_machine_is_loopback() -> None:
    assert local_address("127.0.0.1") == "127.0.0.1"
    assert local_address("localhost") == "127.0.0.1"
    assert not is_loopback("nas")
