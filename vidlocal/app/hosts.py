"""The Ollama servers of a run, each checked before the first frame: reachable, local models, and they see."""

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import TypeVar

from vidlocal.engines import canary, vram_fit
from vidlocal.engines.base import EmbedEngine, ModelInfo, TextEngine, VisionEngine
from vidlocal.engines.ollama import Ollama
from vidlocal.engines.ollama_models import OllamaEmbeddings, OllamaText, OllamaVision
from vidlocal.enrich.runner.pool import Host
from vidlocal.errors import EngineError, ModelMissing
from vidlocal.records import JobKind
from vidlocal.settings import Settings

Say = Callable[[str], None]
Model = TypeVar("Model")

_NEEDS_A_SERVER = (JobKind.DESCRIBE, JobKind.WATCH, JobKind.TAG, JobKind.SUMMARISE, JobKind.EMBED)


def open_hosts(
    stack: ExitStack, chosen: Settings, left: Mapping[JobKind, int], *, canary: bool, say: Say
) -> list[Host]:
    """The servers that can do some of the work that is left, closed with `stack`.

    A server that cannot is named and left out; EngineError when none can. Work that needs no server goes on
    without one.
    """
    if set(left) == {JobKind.PICTURES}:  # other work may end in passages, which are to be embedded
        return []
    needed = any(kind in left for kind in _NEEDS_A_SERVER)
    hosts: list[Host] = []
    troubles: list[EngineError] = []
    for address in chosen.hosts:
        try:
            server = stack.enter_context(Ollama(address, allow_remote=chosen.allow_remote_host))
            hosts.append(_host(server, chosen, left, canary=canary, say=say))
        except EngineError as error:
            troubles.append(error)
    if not hosts and needed:
        raise troubles[0]
    if needed:
        for trouble in troubles:
            say(f"Going on without one of the servers. {trouble}")
    return hosts


def open_vision(stack: ExitStack, chosen: Settings, *, say: Say) -> tuple[VisionEngine, Callable[[], None]]:
    """The vision model of the first server that has it, closed with `stack`, and a check that it sees.

    Raises EngineError when no server has it; the check raises it when the model is blind.
    """
    vision = _first(stack, chosen, lambda server: _vision(server, chosen, canary=False, say=say))
    return vision, partial(_refuse_the_blind, vision)


def open_writer(stack: ExitStack, chosen: Settings) -> TextEngine:
    """The text model of the first server that has it, closed with `stack`.

    Raises EngineError when no server has it: what the first of them says.
    """
    return _first(stack, chosen, lambda server: _text_model(server, chosen))


def _first(stack: ExitStack, chosen: Settings, have: Callable[[Ollama], Model]) -> Model:
    """What the first server has that has it. EngineError when none does: what the first of them says."""
    troubles: list[EngineError] = []
    for address in chosen.hosts:
        try:
            return have(stack.enter_context(Ollama(address, allow_remote=chosen.allow_remote_host)))
        except EngineError as error:
            troubles.append(error)
    raise troubles[0]


def _refuse_the_blind(vision: VisionEngine) -> None:
    trouble = _blindness(vision)
    if trouble is not None:
        raise EngineError(trouble)


def _host(server: Ollama, chosen: Settings, left: Mapping[JobKind, int], *, canary: bool, say: Say) -> Host:
    looks = JobKind.DESCRIBE in left or JobKind.WATCH in left
    vision = _vision(server, chosen, canary=canary, say=say) if looks else None
    return Host(
        name=server.host,
        vision=vision,
        embedder=_embedder(server, chosen, say),
        is_up=lambda: _answers(server),
        check=lambda: None if vision is None else _trouble(server, vision),
        slots=chosen.slots or None,
        writer=_writer(server, chosen, say),
    )


def _vision(server: Ollama, chosen: Settings, *, canary: bool, say: Say) -> VisionEngine:
    try:
        found = server.preflight(chosen.vision_model, "vision")
    except ModelMissing as error:
        raise ModelMissing(f"{error}{_instead(server)}") from error
    model, num_ctx = _that_fits(server, found, chosen, say)
    vision = OllamaVision(server, model, num_ctx=num_ctx, keep_alive=chosen.keep_alive)
    if canary:
        say(f"Checking that {model.name} sees (the first answer waits for the model to load).")
        trouble = _blindness(vision)
        if trouble is not None:
            raise EngineError(trouble)
        _warn_of_spilling(server, model.name, say)
    return vision


def _instead(server: Ollama) -> str:
    """The models that see and are there already, as the end of a sentence; nothing when the server does not tell."""
    seeing = [model.name for model in server.models() if "vision" in (model.capabilities or ())]
    return f" Or use one that is there: vidlocal enrich --model {seeing[0]}" if seeing else ""


def _that_fits(server: Ollama, model: ModelInfo, chosen: Settings, say: Say) -> tuple[ModelInfo, int]:
    """The model and its context, or the best one on the server that fits on the card the setting speaks of."""
    if not chosen.vram:
        return model, chosen.num_ctx
    card = chosen.vram * vram_fit.GB
    context = vram_fit.context_that_fits(vram_fit.Candidate(model.name, model.size_bytes), chosen.num_ctx, card)
    if context is not None:
        return model, context
    needed = vram_fit.needed_bytes(model.name, model.size_bytes, chosen.num_ctx) / vram_fit.GB
    why = f"{model.name} needs about {needed:.1f} GB and does not fit into {chosen.vram:g} GB"
    found = vram_fit.best_that_fits(
        [vram_fit.Candidate(one.name, one.size_bytes) for one in server.models()], chosen.num_ctx, card
    )
    if found is None:
        raise EngineError(f"{why}, nor does another vision model on {server.host}. Get one: ollama pull moondream")
    say(f"{why}; taking {found.name}.")
    taken = server.preflight(found.name, "vision")
    return taken, vram_fit.context_that_fits(found, chosen.num_ctx, card) or chosen.num_ctx


def _warn_of_spilling(server: Ollama, model: str, say: Say) -> None:
    """Say when a model that is loaded lies partly outside the card, which makes it many times slower."""
    with suppress(EngineError):
        for name, size_bytes, on_card_bytes in server.loaded():
            if name == model and 0 < on_card_bytes < size_bytes:
                share = on_card_bytes / size_bytes
                say(f"Only {share:.0%} of {model} is on the graphics card, so it is slow. For a smaller one: --vram")


def _writer(server: Ollama, chosen: Settings, say: Say) -> TextEngine | None:
    """The text model, or None and a sentence: frames are described without it."""
    try:
        return _text_model(server, chosen)
    except ModelMissing as error:
        say(f"Without tags of whole videos, chapters and summaries for now. {error}")
        return None


def _text_model(server: Ollama, chosen: Settings) -> TextEngine:
    model = server.preflight(chosen.text_model, "completion")
    return OllamaText(server, model, num_ctx=chosen.num_ctx, keep_alive=chosen.keep_alive)


def _embedder(server: Ollama, chosen: Settings, say: Say) -> EmbedEngine | None:
    """The embedding model, or None and a sentence: words alone still find."""
    try:
        model = server.preflight(chosen.embed_model, "embedding")
    except ModelMissing as error:
        say(f"Search goes by words alone for now. {error}")
        return None
    return OllamaEmbeddings(server, model, on_gpu=chosen.embed_on_gpu, keep_alive=chosen.keep_alive)


def _trouble(server: Ollama, vision: VisionEngine) -> str | None:
    """Why a model that described until now must not go on."""
    if server.digest(vision.name) != vision.digest:
        return f"The model {vision.name} was replaced by another build meanwhile. Run vidlocal enrich again."
    return _blindness(vision)


def _blindness(vision: VisionEngine) -> str | None:
    seen = canary.look(vision, chance=random.Random())
    if seen.passed:
        return None
    return (
        f"{vision.name} does not see: shown {', '.join(seen.shown)}, it said {'; '.join(seen.said)}. "
        "Update Ollama, or choose another vision model with --model."
    )


def _answers(server: Ollama) -> bool:
    try:
        server.version()
    except EngineError:
        return False
    return True
