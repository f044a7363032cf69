"""Decision models of the servers in the settings, as judges of search results and captions."""

from collections.abc import Callable
from contextlib import ExitStack, suppress

from vidlocal.app.servers.connections import connect
from vidlocal.engines.base import ModelInfo, VisionEngine
from vidlocal.engines.judge import ImageJudge
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.prompts import rerank_prompts
from vidlocal.engines.served.caption_check import CaptionCheck
from vidlocal.engines.served.decisions import CAPABILITY, DecisionModel
from vidlocal.engines.served.json_client import JsonClient
from vidlocal.errors import EngineError, StoreError
from vidlocal.search.decision_look import can_judge_images
from vidlocal.settings import Settings
from vidlocal.settings.servers import ServerKind, ServerSetting
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.text import full_model_name


def open_decision_model(stack: ExitStack, settings: Settings) -> DecisionModel | None:
    """Open the first decision model of the servers, closed with `stack`; None if there is none."""
    for setting in settings.model_servers:
        if _may_decide(setting):
            with suppress(EngineError), connect(settings, setting) as server:
                model = open_decision_model_of(stack, settings, setting, server)
                if model is not None:
                    return model
    return None


def open_decision_model_of(
    stack: ExitStack, settings: Settings, setting: ServerSetting, server: ModelServer
) -> DecisionModel | None:
    """Open the decision model of a connected server, closed with `stack`; None if there is none."""
    model = _find(server, setting.decision_model) if _may_decide(setting) else None
    return None if model is None else stack.enter_context(_open(settings, setting, model))


def _may_decide(setting: ServerSetting) -> bool:
    """False for a server without a list of capabilities, unless the settings name its decision model."""
    if setting.kind is ServerKind.TRANSFORMERS:
        return False
    return setting.kind is not ServerKind.OPENAI or bool(setting.decision_model)


def open_image_judge(stack: ExitStack, library: Library, settings: Settings) -> DecisionModel | None:
    """Open a decision model with correct answers to control questions about images; None without any."""
    model = open_decision_model(stack, settings)
    return model if model is not None and judges_images(library, model, rerank_prompts.DECISION_VERSION) else None


def judges_images(
    library: Library, judge: ImageJudge, question: str, *, check: Callable[[], None] = lambda: None
) -> bool:
    """Ask the control questions about images, once for each build of a model and version of the `question`.

    `check` is called before, and raises EngineError for a model that must not be used.
    """
    key = facts.image_judge_key(judge.digest, question)
    stored = facts.get(library, key)
    if stored is None:
        check()
        stored = facts.YES if can_judge_images(judge) else facts.NO
        with suppress(StoreError):  # asked again next time
            facts.put(library, key, stored)
    return stored == facts.YES


def open_caption_check(
    stack: ExitStack,
    settings: Settings,
    setting: ServerSetting,
    server: ModelServer,
    vision: VisionEngine,
    notify: Callable[[str], None],
) -> CaptionCheck | None:
    """Open a decision model of the server as a judge of captions; None without a vision-capable, fitting model.

    Both models must be in memory at once: a small GPU would load one of them for every frame.
    """
    with suppress(EngineError):
        judge = open_decision_model_of(stack, settings, setting, server)
        if judge is None:
            return None
        if not can_judge_images(judge):
            notify(f"Captions are not checked: {judge.name} does not tell plain colours apart.")
            return None
        loaded = {name for name, _, _ in server.loaded_models()}
        if loaded and not {vision.name, judge.name} <= loaded:
            notify(f"Captions are not checked: {vision.name} and {judge.name} do not fit into memory at once.")
            return None
        return CaptionCheck(judge)
    return None


def _find(server: ModelServer, name: str) -> ModelInfo | None:
    """Return the decision model `name`, or the first decision model of the server."""
    models = server.models()
    if name:
        return next((model for model in models if model.name in (name, full_model_name(name))), None)
    return next((model for model in models if CAPABILITY in (model.capabilities or ())), None)


def _open(settings: Settings, setting: ServerSetting, model: ModelInfo) -> DecisionModel:
    client = JsonClient(setting.url, allow_remote=settings.allow_remote_host, api_key=setting.api_key)
    return DecisionModel(client, model, keep_alive=settings.keep_alive)
