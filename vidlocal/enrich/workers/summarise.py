"""Summarise videos: sections combined into chapters and a summary, with cited passages."""

from collections import Counter
from collections.abc import Sequence

from vidlocal.engines.prompts import prompt_escape, text_parser, text_prompts
from vidlocal.enrich.runner.pool import Task
from vidlocal.enrich.runner.text_request import PromptRoom, TextRequest, TextResponse
from vidlocal.enrich.workers.excitement import mean, of_sections
from vidlocal.enrich.workers.sections import Sections, retry_shorter
from vidlocal.model_answers import ChaptersAnswer, Section
from vidlocal.records import Chapter, Job, Passage, PassageKind, Video
from vidlocal.store.content import understanding, videos, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# Longer chapters would match every query.
_MAX_CHAPTER_CHARS = 700
_MAX_ADDED_WORDS = 8
_MAX_CITATIONS = 40
# Characters per section in the prompt, tried in order until it fits.
_LINE_LENGTHS = (text_prompts.MAX_NOTE_CHARACTERS, 200, 140, 100, 70, 50)


class Summariser:
    """Builds one task of a video at a time: first sections, then the summary; requeued until done."""

    def __init__(self, library: Library, model: str, num_ctx: int) -> None:
        self._library = library
        self._sections = Sections(library, model, num_ctx)
        self._room = PromptRoom(text_prompts.token_budget(num_ctx, text_prompts.CHAPTERS_INSTRUCTIONS))

    def prepare(self, job: Job) -> Task | None:
        """Build the next task. None, with the job finished, if the video has no passages."""
        video = videos.get(self._library, job.video_id)
        sections, prompts = self._sections.of(video) if video is not None else ([], [])
        if video is None or not (sections or prompts):
            jobs.finish(self._library, job)
            return None
        if prompts:
            return self._sections.task(job, video, prompts[0])
        return self._summary_task(job, video, sections)

    def _summary_task(self, job: Job, video: Video, sections: Sequence[Section]) -> Task:
        lines = _lines(sections)
        length = next(
            (
                length
                for length in _LINE_LENGTHS
                if prompt_escape.estimate_tokens(prompt_escape.format_notes(lines, max_chars=length))
                <= self._room.tokens
            ),
            _LINE_LENGTHS[-1],
        )
        # A single section needs no combining: an empty prompt asks nothing.
        prompt = text_prompts.chapters_prompt(video.title, lines, max_chars=length) if len(sections) > 1 else ""
        request = TextRequest(prompt, text_prompts.CHAPTERS_SCHEMA, job.attempts)
        return Task(request, lambda response: self._store(job, video, sections, response))

    def _store(self, job: Job, video: Video, sections: Sequence[Section], response: TextResponse) -> str:
        if response.too_long:
            return retry_shorter(self._library, job, self._room, response)
        answer = (
            _single(sections[0]) if len(sections) == 1 else text_parser.parse_chapters(response.text, len(sections))
        )
        curve = of_sections(self._library, video.id, sections)
        whole = Chapter(
            start=0.0,
            end=video.duration,
            title=video.title,
            text=_with_words(answer.summary, sections),
            citations=_citations([sections[index] for index in answer.citations]),
        )
        chapters = _chapters(video, sections, curve, answer) if len(answer.chapters) > 1 else []
        with self._library.writing():
            understanding.store_summary(self._library, video.id, whole, chapters, response.provenance)
            self._sections.remove_outdated(video, sections)
            jobs.finish(self._library, job)
        return answer.summary


def _single(section: Section) -> ChaptersAnswer:
    return ChaptersAnswer(section.answer.summary, ((section.answer.title, 0),), (0,))


def _lines(sections: Sequence[Section]) -> list[Passage]:
    return [
        Passage(
            section.start,
            section.end,
            PassageKind.SUMMARY,
            ": ".join(filter(None, (section.answer.title, section.answer.summary))),
        )
        for section in sections
    ]


def _chapters(
    video: Video, sections: Sequence[Section], curve: Sequence[float | None], answer: ChaptersAnswer
) -> list[Chapter]:
    starts = [first for _, first in answer.chapters]
    chapters = []
    for (title, first), end in zip(answer.chapters, [*starts[1:], len(sections)], strict=True):
        members = sections[first:end]
        is_last = end == len(sections)
        chapters.append(
            Chapter(
                start=0.0 if first == 0 else members[0].start,
                end=max(video.duration, members[-1].end) if is_last else sections[end].start,
                title=title,
                text=_with_words(_chapter_text(title, members), members),
                citations=_citations(members),
                excitement=mean(members, curve[first:end]),
            )
        )
    return chapters


def _chapter_text(title: str, sections: Sequence[Section]) -> str:
    """The title, and complete summaries of the sections up to the maximum length."""
    text = f"{title.rstrip('.')}."
    for section in sections:
        longer = f"{text} {section.answer.summary}"
        if len(longer) <= _MAX_CHAPTER_CHARS or section is sections[0]:
            text = longer
    return text


def _with_words(text: str, sections: Sequence[Section]) -> str:
    """The text, with missing frequent words of the sections appended in brackets, for search."""
    folded = text.casefold()
    votes = Counter(
        form
        for section in sections
        for form in {vocabulary.normalize(word) for word in (*_words(section), section.answer.event_type)}
        if form and form not in folded
    )
    words = sorted(votes, key=lambda form: (-votes[form], form))[:_MAX_ADDED_WORDS]
    return f"{text} [{', '.join(words)}]" if words else text


def _words(section: Section) -> list[str]:
    return [word for _, word in section.answer.words]


def _citations(sections: Sequence[Section]) -> tuple[int, ...]:
    """Ids of the passages cited by the sections, evenly thinned to the maximum."""
    ids = dict.fromkeys(passage_id for section in sections for passage_id in section.answer.citations)
    step = max(1, -(-len(ids) // _MAX_CITATIONS))
    return tuple(list(ids)[::step])
