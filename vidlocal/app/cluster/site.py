"""The engines of this machine for the owner of a library elsewhere: a worker of a cluster.

`vidlocal cluster join` runs it. A Dask worker of another launcher loads it by `--preload vidlocal.app.cluster.site`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vidlocal.app.cluster.local_engines import Invoke, open_local_engines, open_shared_files
from vidlocal.app.cluster.shared_files import Mount
from vidlocal.app.cluster.versions import own_versions
from vidlocal.app.engines.hosts import open_host
from vidlocal.app.servers.models import list_server_models
from vidlocal.cluster import task
from vidlocal.cluster.messages import (
    Call,
    Failure,
    Models,
    Offer,
    OfferedModel,
    Result,
    decode,
    encode,
    failure_of,
)
from vidlocal.engines import vram_fit
from vidlocal.engines.base import RunnerFailed, Usage
from vidlocal.engines.cpu import usable_cores
from vidlocal.engines.gpu_memory import gpu_memory_bytes
from vidlocal.engines.model_server import ModelServer
from vidlocal.enrich.runner.pool import MAX_SLOTS, Host
from vidlocal.enrich.runner.schedule import Condition
from vidlocal.enrich.runner.sleep_inhibitor import SleepInhibitor
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.job_specs import JOB_SPECS, SERVER_KINDS, ModelRole
from vidlocal.process import SerialThread
from vidlocal.settings import Settings, load
from vidlocal.settings.servers import ServerSetting
from vidlocal.text import model_key

if TYPE_CHECKING:
    from distributed import Worker

# The methods that may be called. A call of any other name is refused.
_METHODS = {
    "machine": frozenset({"offer"}),
    "vision": frozenset({"describe", "describe_sequence", "ask_image", "unload"}),
    "text": frozenset({"complete_json", "complete", "unload"}),
    "embedding": frozenset({"embed", "unload"}),
    "ocr": frozenset({"read"}),
    "pictures": frozenset({"embed_images"}),
    "files": frozenset({"sample", "images", "forget"}),
    "speakers": frozenset({"diarize"}),
    "speech": frozenset({"has_speech", "language_probabilities", "transcribe", "translate"}),
}
# Calls that a busy machine answers, too.
_ALWAYS = frozenset({"offer", "unload"})
# Seconds after which the owner asks a busy machine again.
_BUSY_RETRY_S = 30.0
# Longer than a call may take.
_AWAKE_S = 900.0
_NOTE_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True)
class OpenEngine:
    """An engine with its offered model and the limit of simultaneous calls.

    `invoke`: calls a method of the engine.
    """

    engine: Any
    invoke: Invoke
    model: OfferedModel
    limit: threading.Semaphore


class Site:
    """Answers calls to the engines of this machine. Thread-safe.

    `conditions`: calls are refused while one of them is not met. `notify` gets a line for each change.
    """

    def __init__(
        self,
        settings: Settings,
        conditions: Sequence[Condition] = (),
        notify: Callable[[str], None] = lambda message: None,
        mounts: Sequence[Mount] = (),
    ) -> None:
        self._settings = settings
        self._mounts = mounts
        self._conditions = conditions
        self._notify = notify
        self._awake = _AwakeWhileWorking()
        self._lock = threading.RLock()
        self._server_stack, self._local_stack = ExitStack(), ExitStack()
        self._local: dict[str, OpenEngine] = {}
        self._missing_locally: dict[str, str] = {}
        self._servers: list[tuple[ModelServer, Host]] = []
        self._models: Models | None = None
        self._engines: dict[str, OpenEngine] = {}
        self._missing: dict[str, str] = {}

    def close(self) -> None:
        """Close all engines."""
        self._awake.close()
        with self._lock:
            self._server_stack.close()
            self._local_stack.close()

    def handle(self, data: bytes) -> bytes:
        """Answer an encoded call with an encoded result or failure."""
        try:
            return encode(self._answer(decode(data)))
        except Exception as error:
            return encode(failure_of(error))

    def _answer(self, call: object) -> Result | Failure:
        if not isinstance(call, Call) or call.method not in _METHODS.get(call.engine, ()):
            raise EngineError("This call is not known here. The versions of vidlocal differ.")
        if call.method not in _ALWAYS:
            self._require_free()
        if call.engine == "machine":
            return Result(self._offer(call.models))
        opened = self._engine(call)
        self._awake.note_call()
        with opened.limit:
            value = opened.invoke(call.method, call.arguments, call.options)
        return Result(value, getattr(opened.engine, "reloads", 0), getattr(opened.engine, "usage", Usage()))

    def _require_free(self) -> None:
        reason = next((reason for condition in self._conditions if (reason := condition.hold_reason())), None)
        if reason:
            raise EngineBusy(reason, retry_after=_BUSY_RETRY_S)

    def _engine(self, call: Call) -> OpenEngine:
        """Return the engine of a call. Raises EngineUnreachable for a build other than requested."""
        with self._lock:
            if call.models != self._models:
                self._offer(call.models)
            opened = self._engines.get(call.engine)
        if opened is None:
            raise EngineUnreachable(self._missing.get(call.engine, f"There is no {call.engine} model here."))
        if call.identity and opened.model.identity != call.identity:
            raise EngineError(f"{opened.model.name} was replaced by another build during the run.")
        return opened

    def _offer(self, models: Models) -> Offer:
        """Open the engines for `models` unless already open, and list them."""
        with self._lock:
            settings = _settings_for(self._settings, models)
            if not self._local or self._models is None or models.speech != self._models.speech:
                self._open_local(settings)
            if models != self._models or not self._is_unchanged():
                self._open_servers(settings)
            self._models = models
            offered = {role: opened.model for role, opened in self._engines.items()}
            return Offer(own_versions(), offered, dict(self._missing))

    def _is_unchanged(self) -> bool:
        """True if the servers still have the opened builds, and nothing was missing."""
        if not {"vision", "text", "embedding"} <= self._engines.keys():
            return False
        try:
            return all(
                server.digest(engine.name) == engine.digest
                for server, host in self._servers
                for engine in (host.vision, host.writer)
                if engine is not None
            )
        except EngineError:
            return False

    def _open_local(self, settings: Settings) -> None:
        """Open the engines of this machine: OCR, CLIP, speech and speakers."""
        self._local_stack.close()
        engines, self._missing_locally = open_local_engines(self._local_stack, settings)
        if self._mounts:
            engines["files"] = open_shared_files(self._local_stack, settings, self._mounts)
        self._local = {
            role: OpenEngine(None, invoke, model, threading.Semaphore(model.slots or 1))
            for role, (invoke, model) in engines.items()
        }
        self._models = None

    def _open_servers(self, settings: Settings) -> None:
        """Open the first server with a model of each role."""
        self._server_stack.close()
        self._servers, self._engines, self._missing = [], dict(self._local), dict(self._missing_locally)
        notices: list[str] = []
        for setting in settings.model_servers:
            opened = self._open_server(settings, setting, notices.append)
            if opened is None:
                continue
            self._servers.append(opened)
            for role, engine in _engines_of(opened[1]).items():
                if role not in self._engines:
                    self._engines[role] = self._open_engine(role, opened, engine)
        for role in ("vision", "text", "embedding"):
            if role not in self._engines:
                self._missing[role] = notices[0] if notices else f"No server here has the {role} model."

    def _open_server(
        self, settings: Settings, setting: ServerSetting, notify: Callable[[str], None]
    ) -> tuple[ModelServer, Host] | None:
        """Open the models of a server, also without its vision model. None for an unusable server."""
        texts = [kind for kind in SERVER_KINDS if JOB_SPECS[kind].role is not ModelRole.VISION]
        for kinds in (SERVER_KINDS, texts):
            remaining = dict.fromkeys(kinds, 1)
            try:
                return open_host(self._server_stack, settings, setting, remaining, canary=False, notify=notify)
            except EngineUnreachable as error:
                notify(str(error))
                return None
            except EngineError as error:
                notify(str(error))
        return None

    def _open_engine(self, role: str, opened: tuple[ModelServer, Host], engine: Any) -> OpenEngine:
        server, host = opened
        if role != "embedding":
            with suppress(RunnerFailed):
                engine.probe_bounds()
        slots = self._settings.slots or host.slots
        model = OfferedModel(
            name=engine.name,
            digest=engine.digest,
            identity=model_key(engine.name, engine.digest),
            num_ctx=getattr(engine, "num_ctx", 0),
            kind=server.kind,
            slots=slots,
            keeps_bounds=engine.keeps_bounds,
            takes_video=getattr(engine, "takes_video", False),
            roles=frozenset(kind.value for kind in host.vision_kinds),
        )
        invoke = partial(_invoke, engine)
        return OpenEngine(engine, invoke, model, threading.Semaphore(slots or MAX_SLOTS))


class _AwakeWhileWorking:
    """Keeps the machine awake from a call until some time after the last call. Thread-safe."""

    def __init__(self) -> None:
        self._inhibitor = SleepInhibitor()
        self._thread = SerialThread("awake")  # its child process ends with the thread that started it
        self._timer: threading.Timer | None = None
        self._noted_at = -_AWAKE_S
        self._lock = threading.Lock()

    def note_call(self) -> None:
        """Keep the machine awake for a while from now on."""
        with self._lock:
            if time.monotonic() - self._noted_at < _NOTE_INTERVAL_S:
                return
            self._noted_at = time.monotonic()
            self._thread.submit(self._inhibitor.acquire)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(_AWAKE_S, self.close)
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Let the machine sleep."""
        with self._lock:
            self._noted_at = -_AWAKE_S
            if self._timer is not None:
                self._timer.cancel()
            self._thread.submit(self._inhibitor.release).result()


def _invoke(engine: object, method: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    return getattr(engine, method)(*arguments, **options)


def _engines_of(host: Host) -> Mapping[str, Any]:
    engines = {"vision": host.vision, "text": host.writer, "embedding": host.embedder}
    return {role: engine for role, engine in engines.items() if engine is not None}


def _settings_for(settings: Settings, models: Models) -> Settings:
    """Return the settings of this machine with the models of the owner."""
    return replace(
        settings,
        vision_model=models.vision,
        text_model=models.text,
        embed_model=models.embedding,
        whisper_model=models.speech,
        num_ctx=models.num_ctx,
        keep_alive=models.keep_alive,
    )


def site_tags(settings: Settings, mounts: Sequence[Mount] = ()) -> dict[str, float]:
    """Return the tags of this machine for Dask: cores, GB of GPU memory, engines, and reachable model servers."""
    with ExitStack() as stack:
        engines, _ = open_local_engines(stack, settings)
        tags: dict[str, float] = {role: model.slots or 1 for role, (_, model) in engines.items()}
    tags["cpu"] = usable_cores()
    if mounts:
        tags["files"] = len(mounts)
    gpu_bytes = gpu_memory_bytes()
    if gpu_bytes:
        tags["gpu"] = round(gpu_bytes / vram_fit.GB, 1)
    servers = sum(server.error is None for server in list_server_models(settings))
    if servers:
        tags["server"] = servers
    return tags


@contextmanager
def open_site(
    settings: Settings,
    conditions: Sequence[Condition] = (),
    notify: Callable[[str], None] = lambda message: None,
    mounts: Sequence[Mount] = (),
) -> Iterator[Site]:
    """Open the engines of this machine for calls of Dask in this process. `mounts`: folders shared with the owner."""
    site = Site(settings, conditions, notify, mounts)
    task.set_handler(site.handle)
    try:
        yield site
    finally:
        site.close()


async def dask_setup(worker: "Worker") -> None:
    """Set up a Dask worker started with `--preload vidlocal.app.cluster.site`."""
    settings = load()
    task.set_handler(Site(settings).handle)
    await worker.set_resources(**site_tags(settings))
