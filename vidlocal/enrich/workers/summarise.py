"""One video summed up: its sections put together into chapters and a summary, with the passages they rest on."""

from collections import Counter
from collections.abc import Sequence

from vidlocal.engines import prompt_escape, text_parser, text_prompts
from vidlocal.enrich.runner.pool import Ask, Host, Store
from vidlocal.enrich.workers.excitement import mean, of_sections
from vidlocal.enrich.workers.sections import Sections, writer_of
from vidlocal.records import Chapter, ChaptersAnswer, Job, Passage, PassageKind, Provenance, Section, Video
from vidlocal.store.content import understanding, videos, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# Longer chapters would be found for everything and mean nothing.
_MOST_CHAPTER_CHARACTERS = 700
_WORDS_ADDED = 8
_MOST_GROUNDS = 40
_LINE_LENGTHS = (text_prompts.MOST_NOTE_CHARACTERS, 200, 140, 100, 70, 50)


class Summariser:
    """Prepares, asks and stores one step of a summary at a time; its job goes round until the video is summed up."""

    def __init__(self, library: Library, model: str, num_ctx: int) -> None:
        self._library = library
        self._sections = Sections(library, model, num_ctx)
        self._room = text_prompts.room(num_ctx, text_prompts.CHAPTERS_ASKED)

    def prepare(self, job: Job) -> Ask | None:
        """The next question. None when nothing is known of the video, and the job is finished."""
        video = videos.get(self._library, job.video_id)
        sections, questions = self._sections.of(video) if video is not None else ([], [])
        if video is None or not (sections or questions):
            jobs.finish(self._library, job)
            return None
        if questions:
            return self._sections.ask(job, video, questions[0])
        return self._put_together(job, video, sections)

    def _put_together(self, job: Job, video: Video, sections: Sequence[Section]) -> Ask:
        lines = _lines(sections)
        most = next(
            (
                most
                for most in _LINE_LENGTHS
                if prompt_escape.tokens(prompt_escape.notes(lines, most=most)) <= self._room
            ),
            _LINE_LENGTHS[-1],
        )
        prompt = text_prompts.chapters_prompt(video.title, lines, most=most)

        def ask(host: Host) -> Store:
            writer = writer_of(host)
            if len(sections) == 1:  # nothing to put together
                answer = _alone(sections[0])
            else:
                text = writer.write(prompt, text_prompts.CHAPTERS_SCHEMA, attempt=job.attempts)
                answer = text_parser.chapters(text, len(sections))
            return lambda: self._store(job, video, sections, answer, writer.provenance())

        return ask

    def _store(
        self, job: Job, video: Video, sections: Sequence[Section], answer: ChaptersAnswer, provenance: Provenance
    ) -> str:
        curve = of_sections(self._library, video.id, sections)
        whole = Chapter(
            start=0.0,
            end=video.duration,
            title=video.title,
            text=_with_words(answer.summary, sections),
            rests_on=_grounds([sections[place] for place in answer.rests_on]),
        )
        chapters = _chapters(video, sections, curve, answer) if len(answer.chapters) > 1 else []
        with self._library.writing():
            understanding.store_summary(self._library, video.id, whole, chapters, provenance)
            self._sections.tidy(video, sections)
            jobs.finish(self._library, job)
        return answer.summary


def _alone(section: Section) -> ChaptersAnswer:
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
    firsts = [first for _, first in answer.chapters]
    found = []
    for (title, first), last in zip(answer.chapters, [*firsts[1:], len(sections)], strict=True):
        inside = sections[first:last]
        is_last = last == len(sections)
        found.append(
            Chapter(
                start=0.0 if first == 0 else inside[0].start,
                end=max(video.duration, inside[-1].end) if is_last else sections[last].start,
                title=title,
                text=_with_words(_told(title, inside), inside),
                rests_on=_grounds(inside),
                excitement=mean(inside, curve[first:last]),
            )
        )
    return found


def _told(title: str, sections: Sequence[Section]) -> str:
    """The title, and the summaries of the sections as far as they fit, each as a whole."""
    text = f"{title.rstrip('.')}."
    for section in sections:
        longer = f"{text} {section.answer.summary}"
        if len(longer) <= _MOST_CHAPTER_CHARACTERS or section is sections[0]:
            text = longer
    return text


def _with_words(text: str, sections: Sequence[Section]) -> str:
    """The text, and in brackets what most sections name beyond it, so that it can be found too."""
    said = text.casefold()
    votes = Counter(
        form
        for section in sections
        for form in {vocabulary.form(word) for word in (*_words(section), section.answer.event_type)}
        if form and form not in said
    )
    best = sorted(votes, key=lambda form: (-votes[form], form))[:_WORDS_ADDED]
    return f"{text} [{', '.join(best)}]" if best else text


def _words(section: Section) -> list[str]:
    return [word for _, word in section.answer.words]


def _grounds(sections: Sequence[Section]) -> tuple[int, ...]:
    """The passages that sections rest on, some of each where there are too many."""
    ids = dict.fromkeys(ground for section in sections for ground in section.answer.rests_on)
    step = max(1, -(-len(ids) // _MOST_GROUNDS))
    return tuple(list(ids)[::step])
