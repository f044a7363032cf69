"""Machines of a cluster in this process: calls are encoded and decoded, and travel nowhere."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vidlocal.cluster.connection import Member
from vidlocal.errors import EngineUnreachable


@dataclass
class Loopback:
    """Stands for a Connection. `sites`: the handlers of the machines by name."""

    sites: dict[str, Callable[[bytes], bytes]]
    gone: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    @property
    def members(self) -> dict[str, Member]:
        return {name: Member(name, f"tls://{name}:1", {}, 0) for name in self.sites if name not in self.gone}

    def call(self, member: str, payload: bytes) -> bytes:
        self.calls.append(member)
        self.sent_bytes += len(payload)
        if member in self.gone:
            raise EngineUnreachable(f"{member} is not connected to the cluster.")
        return self.sites[member](payload)
