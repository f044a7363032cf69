"""Sections: parts of a video read by the text model once, the basis of both tags and summaries."""

import hashlib
from collections.abc import Sequence

from vidlocal.engines.prompts import text_parser, text_prompts
from vidlocal.engines.prompts.prompt_escape import estimate_tokens, format_seen
from vidlocal.engines.prompts.text_prompts import SEEN_LINE
from vidlocal.enrich.runner.pool import Task
from vidlocal.enrich.runner.text_request import PromptRoom, TextRequest, TextResponse
from vidlocal.enrich.workers import segments
from vidlocal.enrich.workers.segments import Segment
from vidlocal.model_answers import Section
from vidlocal.records import Job, SeenPerson, Video
from vidlocal.store.content import people, understanding
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs


class Sections:
    """The sections of videos, made by the text model `model` with a context of `num_ctx` tokens."""

    def __init__(self, library: Library, model: str, num_ctx: int) -> None:
        self._library = library
        self._model = model
        self._room = PromptRoom(text_prompts.token_budget(num_ctx, text_prompts.SECTION_INSTRUCTIONS))

    def of(self, video: Video) -> tuple[list[Section], list["SectionPrompt"]]:
        """Return finished sections and open prompts, in order. Both are empty if the video has no passages."""
        seen = people.named_spans(self._library, video.id)
        room = self._room.tokens - (estimate_tokens(SEEN_LINE + format_seen(seen)) if seen else 0)
        parts = segments.cut(understanding.evidence(self._library, video.id), video.duration, room=room)
        stored = understanding.sections(self._library, video.id)
        finished, open_prompts = [], []
        for segment in parts:
            prompt = SectionPrompt(video, segment, self._model, seen)
            section = stored.get(segment.number)
            if section is not None and section.fingerprint == prompt.fingerprint:
                finished.append(section)
            else:
                open_prompts.append(prompt)
        return finished, open_prompts

    def task(self, job: Job, video: Video, prompt: "SectionPrompt") -> Task:
        """Build the task of a section, with the job requeued for the next step."""

        def store(response: TextResponse) -> str:
            if response.too_long:
                return retry_shorter(self._library, job, self._room, response)
            section = prompt.parse(response.text)
            with self._library.writing():
                understanding.store_section(self._library, video.id, section, response.provenance)
                jobs.requeue_next_step(self._library, job)
            return section.answer.title or section.answer.summary

        return Task(TextRequest(prompt.text, text_prompts.SECTION_SCHEMA, job.attempts), store)

    def remove_outdated(self, video: Video, sections: Sequence[Section]) -> None:
        """Delete stored sections of an earlier segmentation."""
        understanding.delete_other_sections(self._library, video.id, [section.number for section in sections])


def retry_shorter(library: Library, job: Job, room: PromptRoom, response: TextResponse) -> str:
    """Requeue a job after a prompt too long, with less room. Raises AnswerRejected without room."""
    room.shrink(response.too_long)
    jobs.requeue_next_step(library, job)
    return "asking again in smaller parts"


class SectionPrompt:
    """Prompt for a segment. Equal passages, people, prompt version and model have the same `fingerprint`."""

    def __init__(self, video: Video, segment: Segment, model: str, seen: Sequence[SeenPerson] = ()) -> None:
        self.segment = segment
        self.text = text_prompts.section_prompt(
            video.title,
            segment.start,
            segment.end,
            segment.passages,
            max_chars=text_prompts.MAX_NOTE_CHARACTERS,
            seen=[person for person in seen if person.start < segment.end and person.end > segment.start],
        )
        ids = [passage.id for passage in segment.passages]
        source = "\n".join([text_prompts.TEXT_PROMPT_VERSION, model, str(ids), self.text])
        self.fingerprint = hashlib.blake2b(source.encode(), digest_size=16).hexdigest()

    def parse(self, text: str) -> Section:
        """Parse an answer.

        Raises AnswerRejected if it violates the schema or cites no passage of the prompt.
        """
        ids = [passage.id or 0 for passage in self.segment.passages]
        answer = text_parser.parse_section(text, ids)
        return Section(self.segment.number, self.segment.start, self.segment.end, self.fingerprint, answer)
