"""Requests to a text model as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

from vidlocal.engines.base import PromptTooLong
from vidlocal.enrich.runner.pool import Host
from vidlocal.errors import AnswerRejected
from vidlocal.records import Provenance

_MIN_ROOM_TOKENS = 64


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A prompt, the JSON schema of the answer, and the number of earlier failures.

    An empty prompt asks nothing and returns the provenance alone.
    """

    prompt: str
    schema: Mapping[str, object]
    attempt: int

    def perform(self, host: Host) -> "TextResponse":
        """Ask the text model of `host`."""
        writer = host.require_writer()
        try:
            text = writer.complete_json(self.prompt, self.schema, attempt=self.attempt) if self.prompt else ""
        except PromptTooLong as error:
            return TextResponse("", writer.provenance(), too_long=str(error))
        return TextResponse(text, writer.provenance())


@dataclass(frozen=True, slots=True)
class TextResponse:
    """The answer as JSON text, unparsed; `too_long`: the error if the prompt did not fit into the context."""

    text: str
    provenance: Provenance
    too_long: str = ""


class PromptRoom:
    """Number of tokens for notes in a prompt, halved whenever a prompt was too long after all."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def shrink(self, reason: str) -> None:
        """Halve the room. Raises AnswerRejected with the reason if hardly any is left."""
        if self.tokens < 2 * _MIN_ROOM_TOKENS:
            raise AnswerRejected(reason)
        self.tokens //= 2
