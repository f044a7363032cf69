"""Addresses of a cluster: parsing, policy, and the addresses of this machine."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from vidlocal.errors import UsageError

DEFAULT_PORT = 8786
_LOOPBACK = "127.0.0.1"
_EXAMPLE = "Example: tls://192.168.1.20:8786"


@dataclass(frozen=True, slots=True)
class SchedulerAddress:
    """Address of a Dask scheduler. `protocol`: tls, or tcp on loopback only."""

    protocol: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}://{host}:{self.port}"


def parse_address(text: str) -> SchedulerAddress:
    """Parse `HOST`, `HOST:PORT` or `tls://HOST:PORT`. Raises UsageError, also for plain tcp to another machine."""
    full = text.strip() if "://" in text else f"tls://{text.strip()}"
    try:
        parts = urlsplit(full)
        address = SchedulerAddress(parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORT)
    except ValueError:
        raise UsageError(f"{text!r} is not the address of a scheduler. {_EXAMPLE}") from None
    is_host = address.host.isprintable() and " " not in address.host and bool(address.host)
    if address.protocol not in ("tls", "tcp") or not is_host or parts.path.strip("/"):
        raise UsageError(f"{text!r} is not the address of a scheduler. {_EXAMPLE}")
    if address.protocol == "tcp" and not is_loopback(address.host):
        raise UsageError(f"{address}: not encrypted, every machine on the way could read and change frames. Use tls.")
    return address


def is_loopback(host: str) -> bool:
    """True if a host can only mean this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def local_address(towards: str = "192.0.2.1") -> str:
    """Return the address of this machine in the network of another machine (default: in its main network).

    127.0.0.1 without a network. Sends nothing.
    """
    if is_loopback(towards):
        return _LOOPBACK
    try:
        family, kind, _, _, target = socket.getaddrinfo(towards, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError:  # a network without a gateway
        return next(_network_addresses(), _LOOPBACK)


def _network_addresses() -> Iterator[str]:
    """Yield the IPv4 addresses of this machine, without loopback and containers."""
    import psutil

    for name, addresses in psutil.net_if_addrs().items():
        if not name.startswith(("lo", "docker", "br-", "veth")):
            yield from (address.address for address in addresses if address.family == socket.AF_INET)
