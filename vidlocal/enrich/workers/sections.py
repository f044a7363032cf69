"""One part of a video read by the text model: what tags and summaries are both made of, asked once and kept."""

import hashlib
from collections.abc import Sequence

from vidlocal.engines import text_parser, text_prompts
from vidlocal.engines.base import TextEngine
from vidlocal.enrich.runner.pool import Ask, Host, Store
from vidlocal.enrich.workers import segments
from vidlocal.enrich.workers.segments import Part
from vidlocal.errors import EngineError
from vidlocal.records import Job, Section, Video
from vidlocal.store.content import understanding
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs


class Sections:
    """The sections of videos, as the text model `model` makes them within `num_ctx` tokens."""

    def __init__(self, library: Library, model: str, num_ctx: int) -> None:
        self._library = library
        self._model = model
        self._room = text_prompts.room(num_ctx, text_prompts.SECTION_ASKED)

    def of(self, video: Video) -> tuple[list[Section], list["Question"]]:
        """What is known of the parts of a video in order, and what is still to be asked. Both empty: nothing is."""
        parts = segments.cut(understanding.evidence(self._library, video.id), video.duration, room=self._room)
        stored = understanding.sections(self._library, video.id)
        known, open_ones = [], []
        for part in parts:
            question = Question(video, part, self._model)
            section = stored.get(part.number)
            if section is not None and section.fingerprint == question.fingerprint:
                known.append(section)
            else:
                open_ones.append(question)
        return known, open_ones

    def ask(self, job: Job, video: Video, question: "Question") -> Ask:
        """One step of a job of several: a part read and kept, and the job queued again."""

        def asked(host: Host) -> Store:
            writer = writer_of(host)
            section = question.ask(writer, job.attempts)

            def store() -> str:
                with self._library.writing():
                    understanding.store_section(self._library, video.id, section, writer.provenance())
                    jobs.go_on(self._library, job)
                return section.answer.title or section.answer.summary

            return store

        return asked

    def tidy(self, video: Video, sections: Sequence[Section]) -> None:
        """Forget sections of an earlier division of the timeline."""
        understanding.keep_sections(self._library, video.id, [section.number for section in sections])


class Question:
    """What to ask about one part. The same notes asked in the same way have the same `fingerprint`."""

    def __init__(self, video: Video, part: Part, model: str) -> None:
        self.part = part
        self._prompt = text_prompts.section_prompt(
            video.title, part.start, part.end, part.given, most=text_prompts.MOST_NOTE_CHARACTERS
        )
        ids = [passage.id for passage in part.given]
        made_of = "\n".join([text_prompts.TEXT_PROMPT_VERSION, model, str(ids), self._prompt])
        self.fingerprint = hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()

    def ask(self, writer: TextEngine, attempt: int) -> Section:
        """The section. AnswerRejected when it is not what was asked for, or rests on nothing that was given."""
        text = writer.write(self._prompt, text_prompts.SECTION_SCHEMA, attempt=attempt)
        given = [passage.id or 0 for passage in self.part.given]
        answer = text_parser.section(text, given)
        return Section(self.part.number, self.part.start, self.part.end, self.fingerprint, answer)


def writer_of(host: Host) -> TextEngine:
    if host.writer is None:
        raise EngineError(f"{host.name} has no text model.")
    return host.writer
