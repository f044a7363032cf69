"""Requests to a text model as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

from vidlocal.enrich.runner.pool import Host
from vidlocal.records import Provenance


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
        text = writer.complete_json(self.prompt, self.schema, attempt=self.attempt) if self.prompt else ""
        return TextResponse(text, writer.provenance())


@dataclass(frozen=True, slots=True)
class TextResponse:
    """The answer as JSON text, unparsed."""

    text: str
    provenance: Provenance
