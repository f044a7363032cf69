"""Model servers of a run, each checked before the first frame: reachable, local models, working vision."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from vidlocal.app.engines.decision_models import open_caption_check, open_decision_model_of
from vidlocal.app.servers.connections import connect
from vidlocal.engines import vram_fit
from vidlocal.engines.base import EmbedEngine, ModelInfo, RunnerFailed, TextEngine, VisionEngine
from vidlocal.engines.judge import Judge
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.served import canary
from vidlocal.engines.served.caption_check import CaptionJudge
from vidlocal.engines.served.judge import ServedJudge
from vidlocal.engines.served.models import ServedEmbeddings, ServedText, ServedVision
from vidlocal.enrich.runner.pool import Host
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable, ModelMissing
from vidlocal.job_specs import SERVER_KINDS
from vidlocal.records import JobKind
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind, ServerSetting
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.text import short_model_name

Notify = Callable[[str], None]
Model = TypeVar("Model")

_NO_WRITER = "No tags, chapters and summaries for now."

_VISION_KINDS = {Role.DESCRIBE: JobKind.DESCRIBE, Role.WATCH: JobKind.WATCH}
_KINDS_OF_ROLE = {
    Role.DESCRIBE: (JobKind.DESCRIBE,),
    Role.WATCH: (JobKind.WATCH,),
    Role.TEXT: (JobKind.TAG, JobKind.SUMMARISE),
    Role.EMBED: (JobKind.EMBED,),
}


def open_hosts(
    stack: ExitStack,
    settings: Settings,
    remaining: Mapping[JobKind, int],
    *,
    library: Library,
    canary: bool,
    notify: Notify,
) -> list[Host]:
    """Open the servers able to do some of the remaining jobs; closed with `stack`.

    Unusable servers are reported and skipped. Raises EngineError if all are unusable and a job needs one.
    """
    # Any other job may lead to passages, and these to embeddings.
    if set(remaining) <= {JobKind.PICTURES, JobKind.SPEAKERS, JobKind.PEOPLE}:
        return []
    needs_server = any(kind in remaining for kind in SERVER_KINDS)
    _report_missing_roles(settings, remaining, notify)
    hosts: list[Host] = []
    errors: list[EngineError] = []
    for setting in settings.model_servers:
        if not setting.roles & _KINDS_OF_ROLE.keys():
            continue
        try:
            server, host = open_host(stack, settings, setting, remaining, canary=canary, notify=notify)
            hosts.append(_with_bounds(library, server, host, test=canary, notify=notify))
        except EngineError as error:
            errors.append(error)
    if not hosts and needs_server and errors:
        raise errors[0]
    if needs_server:
        for skipped in errors:
            notify(f"One of the servers is not used. {skipped}")
    return hosts


def open_host(
    stack: ExitStack,
    settings: Settings,
    setting: ServerSetting,
    remaining: Mapping[JobKind, int],
    *,
    canary: bool,
    notify: Notify,
) -> tuple[ModelServer, Host]:
    """Connect to a server, and open its models for the remaining jobs; closed with `stack`. Raises EngineError."""
    connection = _connect(stack, settings, setting)
    host = _host(connection, settings, remaining, canary=canary, notify=notify)
    if canary and host.vision is not None and JobKind.DESCRIBE in remaining and Role.DESCRIBE in setting.roles:
        check = open_caption_check(stack, settings, setting, connection.server, host.vision, notify)
        host = replace(host, caption_check=check)
    return connection.server, host


def _report_missing_roles(settings: Settings, remaining: Mapping[JobKind, int], notify: Notify) -> None:
    """Report jobs without a server for their role."""
    roles = {role for server in settings.model_servers for role in server.roles}
    for role, kinds in _KINDS_OF_ROLE.items():
        waiting = [kind for kind in kinds if kind in remaining]
        if role not in roles and waiting:
            notify(f"No server of the settings has the role {role}: {' and '.join(waiting)} will wait.")


def open_vision(stack: ExitStack, settings: Settings, *, notify: Notify) -> tuple[ServedVision, Callable[[], None]]:
    """Open the vision model on the first server with this model; closed with `stack`. Returns a canary check, too.

    Raises EngineError if no server has it; the check raises EngineError if the model does not see.
    """

    def open_on(connection: _Connection) -> tuple[_Connection, ServedVision]:
        return connection, _vision(connection, settings, canary=False, notify=notify)

    connection, vision = _first(stack, settings, Role.DESCRIBE, open_on)
    return vision, partial(_require_sight, connection, settings, vision)


def open_writer(stack: ExitStack, settings: Settings) -> TextEngine:
    """Open the text model on the first server with this model; closed with `stack`.

    Raises the EngineError of the first server if no server has it.
    """
    return _first(stack, settings, Role.TEXT, lambda connection: _text_model(connection, settings))


def open_judge(stack: ExitStack, settings: Settings) -> Judge:
    """Open the text model as a judge of search results, as `open_writer`."""
    return _first(stack, settings, Role.TEXT, lambda connection: _judge(connection, settings))


@dataclass(frozen=True, slots=True)
class _Connection:
    """A connected server with its settings."""

    server: ModelServer
    setting: ServerSetting


def _connect(stack: ExitStack, settings: Settings, setting: ServerSetting) -> _Connection:
    return _Connection(stack.enter_context(connect(settings, setting)), setting)


def _first(stack: ExitStack, settings: Settings, role: Role, open_model: Callable[[_Connection], Model]) -> Model:
    """Open a model on the first server with this role and model."""
    settings.server_for(role)
    errors: list[EngineError] = []
    for setting in settings.model_servers:
        if role in setting.roles:
            try:
                return open_model(_connect(stack, settings, setting))
            except EngineError as error:
                errors.append(error)
    raise errors[0]


def _host(
    connection: _Connection, settings: Settings, remaining: Mapping[JobKind, int], *, canary: bool, notify: Notify
) -> Host:
    server, roles = connection.server, connection.setting.roles
    vision_kinds = frozenset(kind for role, kind in _VISION_KINDS.items() if role in roles)
    needs_vision = any(kind in remaining for kind in vision_kinds)
    vision = _vision(connection, settings, canary=canary, notify=notify) if needs_vision else None
    return Host(
        name=server.host,
        vision=vision,
        embedder=_embedder(connection, settings, notify) if Role.EMBED in roles else None,
        is_up=lambda: _is_up(server),
        check=lambda: None if vision is None else _check(connection, settings, vision),
        slots=settings.slots or server.slots(None if vision is None else vision.name),
        writer=_writer(connection, settings, notify) if Role.TEXT in roles else None,
        vision_kinds=vision_kinds,
    )


def _with_bounds(library: Library, server: ModelServer, host: Host, *, test: bool, notify: Notify) -> Host:
    """Load if the models keep the bounds of schemas. A text model that cannot be loaded is left out."""
    if host.vision is not None:
        _load_bounds(library, server, host.vision, test=test)
    if host.writer is None:
        return host
    try:
        _load_bounds(library, server, host.writer, test=test)
    except (EngineUnreachable, EngineBusy):
        raise
    except EngineError as error:
        notify(f"{_NO_WRITER} {error}")
        return replace(host, writer=None)
    return host


def _load_bounds(library: Library, server: ModelServer, engine: VisionEngine | TextEngine, *, test: bool) -> None:
    """Load if a model keeps the bounds of schemas; tested once for each build of a model on a server."""
    key = facts.schema_bounds_key(engine.digest, f"{server.host}, version {server.version()}")
    stored = facts.get(library, key)
    if stored is not None:
        engine.keeps_bounds = stored == facts.YES
    elif test:
        with suppress(RunnerFailed):  # tested by the next run
            facts.put(library, key, facts.YES if engine.probe_bounds() else facts.NO)


def _vision(connection: _Connection, settings: Settings, *, canary: bool, notify: Notify) -> ServedVision:
    server = connection.server
    if server.kind == ServerKind.TRANSFORMERS:  # minutes, from a slow disk
        notify(f"Loading {server.host} in process…")
    try:
        installed = server.preflight(connection.setting.vision_model or settings.vision_model, "vision")
    except ModelMissing as error:
        raise ModelMissing(f"{error}{_alternative(server)}") from error
    model, num_ctx = _fitting_model(server, installed, settings, notify)
    num_ctx = server.context(model.name, num_ctx)
    vision = ServedVision(server, model, num_ctx=num_ctx, keep_alive=settings.keep_alive)
    if canary:
        notify(f"Loading {short_model_name(model.name)} and checking that it accepts images…")
        _require_sight(connection, settings, vision)
        _warn_if_partly_on_cpu(server, model.name, notify)
    return vision


def _alternative(server: ModelServer) -> str:
    """End of a sentence: an installed vision model; empty if unknown."""
    names = [model.name for model in server.models() if "vision" in (model.capabilities or ())]
    return f", or: vidlocal enrich --model {names[0]}" if names else ""


def _fitting_model(server: ModelServer, model: ModelInfo, settings: Settings, notify: Notify) -> tuple[ModelInfo, int]:
    """Return model and context size, or the best installed model within the GPU memory of the settings."""
    if not settings.vram or server.kind == ServerKind.TRANSFORMERS:  # which has made a plan for the memory by itself
        return model, settings.num_ctx
    card = settings.vram * vram_fit.GB
    context = vram_fit.fitting_context(model, settings.num_ctx, card)
    if context is not None:
        return model, context
    needed = vram_fit.required_bytes(model.name, model.size_bytes, settings.num_ctx) / vram_fit.GB
    reason = f"{model.name} needs about {needed:.1f} GB and does not fit into {settings.vram:g} GB"
    best = vram_fit.best_fitting_model(server.models(), settings.num_ctx, card)
    if best is None:
        raise EngineError(f"{reason}, nor does another vision model on {server.host}. Run: ollama pull moondream")
    notify(f"{reason}; taking {best.name}.")
    smaller = server.preflight(best.name, "vision")
    return smaller, vram_fit.fitting_context(best, settings.num_ctx, card) or settings.num_ctx


def _warn_if_partly_on_cpu(server: ModelServer, model: str, notify: Notify) -> None:
    """Warn if a loaded model lies partly outside GPU memory, and so is many times slower."""
    for size_bytes, gpu_bytes in _loaded_sizes(server, model):
        if 0 < gpu_bytes < size_bytes:
            share = gpu_bytes / size_bytes
            notify(
                f"Only {share:.0%} of {model} fits into GPU memory, so it is slow. Choose a smaller model with --vram."
            )


def _loaded_sizes(server: ModelServer, model: str) -> Iterator[tuple[int, int]]:
    with suppress(EngineError):
        for name, size_bytes, gpu_bytes in server.loaded_models():
            if name == model:
                yield size_bytes, gpu_bytes


def _writer(connection: _Connection, settings: Settings, notify: Notify) -> TextEngine | None:
    """Open the text model; if missing or unfit, report the consequence and return None."""
    try:
        return _text_model(connection, settings)
    except (EngineUnreachable, EngineBusy):
        raise
    except EngineError as error:
        notify(f"{_NO_WRITER} {error}")
        return None


def _text_model(connection: _Connection, settings: Settings) -> TextEngine:
    model, num_ctx = _preflight_text(connection, settings)
    return ServedText(connection.server, model, num_ctx=num_ctx, keep_alive=settings.keep_alive)


def _judge(connection: _Connection, settings: Settings) -> Judge:
    model, num_ctx = _preflight_text(connection, settings)
    return ServedJudge(connection.server, model, num_ctx=num_ctx, keep_alive=settings.keep_alive)


def _preflight_text(connection: _Connection, settings: Settings) -> tuple[ModelInfo, int]:
    """Return the text model of a server, and the context to use."""
    server, name = connection.server, connection.setting.text_model or settings.text_model
    model = server.preflight(name, "completion")
    return model, server.context(model.name, settings.num_ctx)


def _embedder(connection: _Connection, settings: Settings, notify: Notify) -> EmbedEngine | None:
    """Open the embedding model; if missing or unfit, report the consequence and return None."""
    try:
        model = connection.server.preflight(connection.setting.embed_model or settings.embed_model, "embedding")
    except (EngineUnreachable, EngineBusy):
        raise
    except EngineError as error:
        notify(f"Word search only for now. {error}")
        return None
    return ServedEmbeddings(connection.server, model, on_gpu=settings.embed_on_gpu, keep_alive=settings.keep_alive)


def _check(connection: _Connection, settings: Settings, vision: VisionEngine) -> str | None:
    """Return the reason to stop using a vision model, or None."""
    if connection.server.digest(vision.name) != vision.digest:
        return f"{vision.name} was replaced by another build during the run. Run: vidlocal enrich"
    return _blindness(connection, settings, vision)


def _require_sight(connection: _Connection, settings: Settings, vision: VisionEngine) -> None:
    failure = _blindness(connection, settings, vision)
    if failure is not None:
        raise EngineError(failure)


def _blindness(connection: _Connection, settings: Settings, vision: VisionEngine) -> str | None:
    """Return the reason if a model does not see images, else None.

    A decision model of the server judges a model that answers in unknown words.
    """
    failure = canary_failure(vision)
    if failure is None:
        return None
    with ExitStack() as stack:
        judge = open_decision_model_of(stack, settings, connection.setting, connection.server)
        return failure if judge is None else canary_failure(vision, judge)


def canary_failure(vision: VisionEngine, judge: CaptionJudge | None = None) -> str | None:
    """Return the reason if a model does not see images, else None. Raises the errors of the engine."""
    result = canary.check_vision(vision, rng=random.Random(), judge=judge)
    if result.passed:
        return None
    return (
        f"{vision.name} does not see images: {result}. Update the server, or choose another vision model with --model."
    )


def _is_up(server: ModelServer) -> bool:
    try:
        server.version()
    except EngineError:
        return False
    return True
