import stat
from pathlib import Path

import pytest

from vidlocal.cluster import certificates
from vidlocal.cluster.certificates import JoinToken, parse_token
from vidlocal.errors import ToolError, UsageError


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "cluster"
    certificates.create_authority(folder)
    return folder


def test_only_the_owner_can_read_the_keys(authority: Path) -> None:
    assert stat.S_IMODE(authority.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in authority.iterdir()} == {0o600}


def test_a_certificate_is_signed_by_the_authority_and_its_key_stays(authority: Path, tmp_path: Path) -> None:
    from cryptography import x509

    issued = x509.load_pem_x509_certificate(certificates.issue(authority, certificates.create_request(tmp_path, "pc")))
    root = x509.load_pem_x509_certificate((authority / certificates.AUTHORITY).read_bytes())
    issued.verify_directly_issued_by(root)
    assert [part.value for part in issued.subject] == ["pc"]
    assert not issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert [file.name for file in tmp_path.iterdir()] == [certificates.KEY]


def test_an_invalid_request_is_refused(authority: Path) -> None:
    with pytest.raises(ToolError, match="invalid"):
        certificates.issue(authority, b"-----BEGIN CERTIFICATE REQUEST-----")


def test_a_token_is_read_as_it_was_printed(authority: Path) -> None:
    token = certificates.join_token(authority)
    assert parse_token(f" {token}\n") == token
    assert token.fingerprint == certificates.fingerprint(authority)


@pytest.mark.parametrize("text", ["", "vidlocal-12-34", str(JoinToken("a" * 64, "b" * 31)), "x" * 500])
def test_another_text_is_no_token(text: str) -> None:
    with pytest.raises(UsageError, match="vidlocal cluster start"):
        parse_token(text)
