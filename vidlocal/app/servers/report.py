"""Report on a model server: kind, models, context, abilities and speed."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial

from vidlocal.app.doctor.check import Check, CheckState
from vidlocal.app.servers.connections import connect
from vidlocal.app.servers.speech_report import describe_speech, report_speech_server
from vidlocal.engines.base import AnswerTruncated, ModelInfo
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.served import canary, multi_image_probe
from vidlocal.engines.served.decisions import CAPABILITY, DecisionModel
from vidlocal.engines.served.images import ServedImages
from vidlocal.engines.served.json_client import JsonClient
from vidlocal.engines.served.models import ServedEmbeddings, ServedText, ServedVision
from vidlocal.errors import AnswerRejected, EngineError, EngineUnreachable, ModelMissing, UsageError
from vidlocal.search.decision_look import can_judge_images
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind, ServerSetting, server_address

# Models asked one by one; each takes seconds to load.
_MAX_ASKED = 4
_QUESTION = "Count from one to a hundred in words."
_WANTED_CTX = 1 << 20
_HTTP_KINDS = [ServerKind.OLLAMA, ServerKind.OPENAI]


def report_server(settings: Settings, url: str, *, api_key: str | None = None) -> Iterator[Check]:
    """Ask the server at `url` (or KIND=URL): its kind, models, context, abilities, speed and possible roles.

    Raises EngineError if it is no model server.
    """
    with ExitStack() as stack:
        server = _connect(stack, settings, url, api_key)
        if isinstance(server, str):
            yield from _report_other(settings, server, api_key)
            return
        yield Check("server", CheckState.OK, f"{server.kind}, version {server.version()}, at {server.host}")
        slots = server.slots()
        if slots is not None:
            yield Check("slots", CheckState.OK, f"{slots} requests at once")
        models = server.models()
        names = ", ".join(model.name for model in models) or "none"
        yield Check("models", CheckState.OK if models else CheckState.MISSING, names)
        roles: set[Role] = set()
        for model in models[:_MAX_ASKED]:
            yield from _report_model(server, model, settings, roles)
            if server.kind == ServerKind.OPENAI:
                setting = ServerSetting(ServerKind.OPENAI, server.host, api_key=api_key, speech_model=model.name)
                yield _ask(f"{model.name}: speech", partial(_speech, settings, setting, roles))
        state = CheckState.OK if roles else CheckState.MISSING
        yield Check("roles", state, ", ".join(sorted(roles)) or "none of the models answered")


def _report_other(settings: Settings, address: str, api_key: str | None) -> Iterator[Check]:
    """Report a server without a list of models: a speech server, or none of ours."""
    try:
        yield from report_speech_server(settings, address, api_key=api_key)
    except EngineUnreachable:
        raise
    except EngineError as error:
        apis = " nor ".join(_HTTP_KINDS)
        raise EngineError(f"{address} is no model server: it has no API of {apis}. Correct its address.") from error


def _connect(stack: ExitStack, settings: Settings, url: str, api_key: str | None) -> ModelServer | str:
    """Connect to a server with the API of a known kind. Returns its address without any."""
    prefix, _, rest = url.partition("=")
    kinds, url = ([ServerKind(prefix)], rest) if prefix in tuple(ServerKind) else (_HTTP_KINDS, url)
    errors: list[EngineError] = []
    for kind in kinds:
        try:
            address = server_address(kind, url)
        except ValueError:
            raise UsageError(f"{url}: not an address. Example: http://127.0.0.1:8080") from None
        server = stack.enter_context(connect(settings, ServerSetting(kind, address, api_key=api_key)))
        try:
            server.version()
        except EngineError as error:
            errors.append(error)
        else:
            return server
    if kinds[-1] is ServerKind.OPENAI and isinstance(errors[-1], ModelMissing):
        return address
    raise errors[-1]


def _report_model(server: ModelServer, model: ModelInfo, settings: Settings, roles: set[Role]) -> Iterator[Check]:
    context = server.context(model.name, _WANTED_CTX)
    size = f"{context:,} tokens of context" if context < _WANTED_CTX else "context set by each request"
    yield Check(model.name, CheckState.OK, size)
    num_ctx = min(context, settings.num_ctx)
    text = ServedText(server, model, num_ctx=num_ctx, keep_alive=settings.keep_alive)
    yield _ask(f"{model.name}: text", lambda: _text(text, roles))
    vision = ServedVision(server, model, num_ctx=num_ctx, keep_alive=settings.keep_alive)
    yield _ask(f"{model.name}: images", lambda: _images(server, vision, roles))
    embeddings = ServedEmbeddings(server, model, keep_alive=settings.keep_alive)
    embedded = _ask(f"{model.name}: embeddings", lambda: _embeddings(embeddings, roles))
    yield embedded
    if embedded.state is CheckState.OK:
        yield _ask(f"{model.name}: image embeddings", lambda: _image_embeddings(server, model, settings, roles))
    if CAPABILITY in (model.capabilities or ()):
        yield _ask(f"{model.name}: decisions", lambda: _decisions(server, model, settings))
    yield from _memory(server, model.name)


def _speech(settings: Settings, setting: ServerSetting, roles: set[Role]) -> str:
    described = describe_speech(settings, setting)
    roles.add(Role.SPEECH)
    return described


def _memory(server: ModelServer, model: str) -> Iterator[Check]:
    """Report the memory of a loaded model, if known to the server."""
    with suppress(EngineError):
        for name, size_bytes, gpu_bytes in server.loaded_models():
            if name == model and size_bytes:
                share = f"{gpu_bytes / size_bytes:.0%} on the GPU"
                yield Check(f"{model}: memory", CheckState.OK, f"{size_bytes / 1e9:.1f} GB, {share}")


def _ask(part: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(part, CheckState.OK, ask())
    except EngineUnreachable:
        raise
    except EngineError as error:
        return Check(part, CheckState.WARNING, f"no: {error}")


def _text(model: ServedText, roles: set[Role]) -> str:
    tokens: list[float] = []
    with suppress(AnswerTruncated):
        model.complete("", _QUESTION, on_token=lambda piece: tokens.append(time.monotonic()))
    if not tokens:
        raise AnswerRejected("the answer is empty.")
    keeps = model.probe_bounds()
    roles.add(Role.TEXT)
    span = tokens[-1] - tokens[0]
    speed = f"{(len(tokens) - 1) / span:.0f} tokens per second" if span > 0 else "the answer comes at once"
    return f"{speed}; schemas {'and their bounds are kept' if keeps else 'are kept without bounds'}"


def _images(server: ModelServer, model: ServedVision, roles: set[Role]) -> str:
    server.preflight(model.name, "vision")
    result = canary.check_vision(model, rng=random.Random())
    if not result.passed:
        raise AnswerRejected(f"{result}.")
    roles |= {Role.DESCRIBE, Role.WATCH}
    several = multi_image_probe.probe(model)
    return f"it sees; {'several' if several else 'one'} per request"


def _decisions(server: ModelServer, model: ModelInfo, settings: Settings) -> str:
    client = JsonClient(server.host, allow_remote=settings.allow_remote_host)
    with DecisionModel(client, model, keep_alive=settings.keep_alive) as judge:
        sees = can_judge_images(judge)
    return "it judges images" if sees else "it does not tell plain colours apart: for texts only"


def _image_embeddings(server: ModelServer, model: ModelInfo, settings: Settings, roles: set[Role]) -> str:
    with JsonClient(server.host, allow_remote=settings.allow_remote_host) as client:
        ServedImages(client, model, kind=server.kind).probe()
    roles.add(Role.PICTURES)
    return "images and texts in one space"


def _embeddings(model: ServedEmbeddings, roles: set[Role]) -> str:
    vectors = model.embed(["a bride", "a dog"])
    roles.add(Role.EMBED)
    return f"{vectors.shape[1]} dimensions"
