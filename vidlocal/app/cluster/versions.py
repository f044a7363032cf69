"""Versions with an influence on results, to be equal on all machines of a cluster."""

from vidlocal.engines.prompts.text_prompts import TEXT_PROMPT_VERSION, WATCH_PROMPT_VERSION
from vidlocal.engines.prompts.vision_prompts import PLAIN_PROMPT_VERSION, PROMPT_VERSION
from vidlocal.enrich.workers.transcribe import TRANSCRIBE_VERSION
from vidlocal.version import __version__

_NAMES = ("vidlocal", "caption prompt", "plain prompt", "watch prompt", "text prompt", "transcription")


def own_versions() -> tuple[str, ...]:
    """Return the versions of this machine."""
    return (
        __version__,
        PROMPT_VERSION,
        PLAIN_PROMPT_VERSION,
        WATCH_PROMPT_VERSION,
        TEXT_PROMPT_VERSION,
        TRANSCRIBE_VERSION,
    )


def version_difference(theirs: tuple[str, ...]) -> str | None:
    """Return the first difference as a sentence, None if all versions agree."""
    own = own_versions()
    for name, here, there in zip(_NAMES, own, theirs, strict=False):
        if here != there:
            return f"{name} {there} there, {here} here"
    return None if len(own) == len(theirs) else "another version of vidlocal"
