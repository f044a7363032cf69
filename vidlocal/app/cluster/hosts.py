"""The machines of a cluster as hosts of the deep pass: each is asked for its models, checked and added."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from vidlocal.app.cluster.versions import version_difference
from vidlocal.app.engines.hosts import canary_failure
from vidlocal.cluster.engine_pool import EnginePool
from vidlocal.cluster.messages import Models, Offer, OfferedModel
from vidlocal.cluster.remote_engines import Carrier, Machine, RemoteEmbeddings, RemoteText, RemoteVision
from vidlocal.enrich.runner.pool import Host
from vidlocal.errors import EngineError, EngineUnreachable
from vidlocal.records import JobKind
from vidlocal.settings import Settings

# Roles of the models on a server, and of the engines of the fast pass with their names for people.
_SERVED = ("vision", "text", "embedding")
_FAST = {"ocr": "OCR", "speech": "speech", "speakers": "speakers", "pictures": "image vectors", "files": "decoding"}
_UNNAMED = ("ocr", "files", "speakers")

# Loading a model and looking at three images, on a slow disk. Later machines join the run when they are ready.
_FIRST_WAIT_S = 300.0
# Machines come back within this time after the scheduler was started again.
_PATIENCE_S = 30.0
_POLL_S = 0.5


def models_of(settings: Settings) -> Models:
    """Return the models of the settings, to be used by all machines."""
    return Models(
        vision=settings.vision_model,
        text=settings.text_model,
        embedding=settings.embed_model,
        speech=settings.whisper_model,
        num_ctx=settings.num_ctx,
        keep_alive=settings.keep_alive,
    )


@dataclass(slots=True)
class ClusterHosts:
    """Opens each machine of a cluster on a thread of its own, and returns the new hosts.

    `identities`: builds by role that a machine must have; those of the first machine where this one has none.
    """

    connection: Carrier
    models: Models
    notify: Callable[[str], None]
    canary: bool
    identities: dict[str, set[str]] = field(default_factory=dict)
    _known: set[str] = field(init=False, default_factory=set)
    _opened: "SimpleQueue[Host | str]" = field(init=False, default_factory=SimpleQueue)
    _threads: list[threading.Thread] = field(init=False, default_factory=list)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    pools: dict[str, EnginePool] = field(init=False, default_factory=dict)

    def first(self, *, patient: bool = False) -> list[Host]:
        """Open the present machines, and wait for them; `patient` also waits for a first host."""
        give_up = time.monotonic() + _PATIENCE_S
        if patient and not self.connection.members:
            self.notify("Waiting for a machine of the cluster…")
        hosts: list[Host] = []
        while True:
            self._open_new()
            for thread in self._threads:
                thread.join(_FIRST_WAIT_S)
            hosts += self.newcomers()
            if hosts or not patient or time.monotonic() >= give_up:
                return hosts
            time.sleep(_POLL_S)

    def newcomers(self) -> Sequence[Host]:
        """Return the hosts opened since the last call, and report unused machines. Does not block."""
        self._open_new()
        hosts: list[Host] = []
        while True:
            try:
                opened = self._opened.get_nowait()
            except Empty:
                return hosts
            if isinstance(opened, str):
                self.notify(opened)
            else:
                hosts.append(opened)

    def _open_new(self) -> None:
        for name in self.connection.members:
            if name not in self._known:
                self._known.add(name)
                thread = threading.Thread(target=self._open, args=(name,), daemon=True, name=f"opens {name}")
                thread.start()
                self._threads = [*(other for other in self._threads if other.is_alive()), thread]

    def _open(self, name: str) -> None:
        machine = Machine(self.connection, name, self.models)
        try:
            models = self._usable_models(name, machine.offer())
            host = self._host(machine, models) if models.keys() & set(_SERVED) else None
        except EngineUnreachable:
            self._known.discard(name)  # it left, and may come again
        except EngineError as error:
            self._opened.put(f"A machine of the cluster is not used. {error}")
        else:
            for role in models.keys() & _FAST.keys():
                self._pool(role, models[role]).add(machine, models[role].slots or 1)
            self._opened.put(f"{name} of the cluster works, too: {_described(models)}.")
            if host is not None:
                self._opened.put(host)

    def _usable_models(self, name: str, offer: Offer) -> dict[str, OfferedModel]:
        """Return the models of an offer with the agreed builds. Raises EngineError without any."""
        difference = version_difference(offer.versions)
        if difference is not None:
            raise EngineError(f"{name}: {difference}. Install the same version of vidlocal on both.")
        models = {role: model for role, model in offer.models.items() if self._agrees(name, role, model)}
        if not models:
            reasons = " ".join(dict.fromkeys(offer.missing.values())) or "It has other builds of the models."
            raise EngineError(f"{name}: {reasons}")
        return models

    def _pool(self, role: str, model: OfferedModel) -> EnginePool:
        with self._lock:
            return self.pools.setdefault(role, EnginePool(role, model))

    def _host(self, machine: Machine, models: Mapping[str, OfferedModel]) -> Host:
        """Build the host of the server models of a machine. Raises EngineError if its vision model is blind."""
        vision = RemoteVision(machine, models["vision"]) if "vision" in models else None
        if vision is not None and self.canary and (failure := canary_failure(vision)) is not None:
            raise EngineError(f"{machine.name}: {failure}")
        slots = next(models[role].slots for role in _SERVED if role in models)
        return Host(
            name=machine.name,
            vision=vision,
            embedder=RemoteEmbeddings(machine, models["embedding"]) if "embedding" in models else None,
            is_up=lambda: machine.name in self.connection.members,
            check=lambda: None if vision is None else canary_failure(vision),
            # One more waits there, so that its models never wait for the network.
            slots=None if slots is None else slots + 1,
            writer=RemoteText(machine, models["text"]) if "text" in models else None,
            vision_kinds=frozenset(map(JobKind, models["vision"].roles)) if "vision" in models else frozenset(),
        )

    def _agrees(self, machine: str, role: str, model: OfferedModel) -> bool:
        """True if a model has the agreed build: that of the owner, else of the first machine."""
        with self._lock:
            expected = self.identities.setdefault(role, {model.identity})
        if model.identity not in expected:
            here = " or ".join(sorted(expected))
            self._opened.put(f"{machine}: {role} model {model.identity} is another build than {here}; not used.")
        return model.identity in expected


def identities_of(hosts: Sequence[Host]) -> dict[str, set[str]]:
    """Return the builds of the models of hosts by role."""
    from vidlocal.text import model_key

    uses: dict[str, set[str]] = {}
    for host in hosts:
        for role, engine in (("vision", host.vision), ("text", host.writer)):
            if engine is not None:
                uses.setdefault(role, set()).add(model_key(engine.name, engine.digest))
        if host.embedder is not None:
            uses.setdefault("embedding", set()).add(host.embedder.key)
    return uses


def _described(models: Mapping[str, OfferedModel]) -> str:
    """Return the names of models, or the kind of work for engines without a server."""
    names = [models[role].name for role in _SERVED if role in models]
    for role, label in _FAST.items():
        if role in models:
            names.append(label if role in _UNNAMED else f"{label} ({models[role].name})")
    return ", ".join(dict.fromkeys(names))
