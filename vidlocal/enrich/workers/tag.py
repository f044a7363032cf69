"""One video tagged: what its sections name, in the library's own words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from vidlocal.engines import prompt_escape, text_parser, text_prompts
from vidlocal.enrich.runner.pool import Ask, Host, Store
from vidlocal.enrich.workers.excitement import of_sections, of_video
from vidlocal.enrich.workers.sections import Sections, writer_of
from vidlocal.records import Job, MediaKind, Section, TagKind, Video, VideoTag
from vidlocal.store.content import understanding, videos, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# How many tags of each kind a video keeps, and how many passages are named for each.
_KEPT = {TagKind.TAG: 30, TagKind.PERSON: 15, TagKind.OBJECT: 25, TagKind.PLACE: 10, TagKind.KEYWORD: 30}
_MOST_GROUNDS = 12

# Words in one question about synonyms.
_NEW_AT_ONCE = 60
_IN_USE_AT_ONCE = 120

# What the sections and frames of a video name: per kind and form, how it was worded and the passages that say so.
Named = Mapping[tuple[TagKind, str], tuple[str, Sequence[int]]]


class Tagger:
    """Prepares, asks and stores one step of a video's tags at a time; its job goes round until all are done.

    The steps: each section read, then the new words compared with those in use. `model` and `num_ctx` are those of
    the text model on every host.
    """

    def __init__(self, library: Library, model: str, num_ctx: int) -> None:
        self._library = library
        self._sections = Sections(library, model, num_ctx)
        self._room = text_prompts.room(num_ctx, "")

    def prepare(self, job: Job) -> Ask | None:
        """The next question. None when there is none left, and the job is finished."""
        video = videos.get(self._library, job.video_id)
        if video is None:
            jobs.finish(self._library, job)
            return None
        if video.kind is MediaKind.PHOTO and self._named(video, ()):
            self._finish(job, video, ())  # the vision model named all there is in one picture
            return None
        sections, questions = self._sections.of(video)
        if questions:
            return self._sections.ask(job, video, questions[0])
        new = self._new_words(video, sections)
        if new:
            return self._compare(job, new)
        self._finish(job, video, sections)
        return None

    def _compare(self, job: Job, new: Sequence[str]) -> Ask:
        """Ask which of some new words are synonyms, of words in use or of each other; all are filed after that."""
        in_use = vocabulary.in_use(self._library, limit=_IN_USE_AT_ONCE)
        while prompt_escape.tokens(text_prompts.merge_prompt(new, in_use)) > self._room and len(new) > 1:
            new, in_use = new[: len(new) // 2], in_use[: len(in_use) // 2]
        prompt = text_prompts.merge_prompt(new, in_use)

        def ask(host: Host) -> Store:
            text = writer_of(host).write(prompt, text_prompts.MERGE_SCHEMA, attempt=job.attempts)
            same = text_parser.pairs(text, new, [*in_use, *new])

            def store() -> str:
                with self._library.writing():
                    vocabulary.learn(self._library, {word: _filed(word, same) for word in new})
                    jobs.go_on(self._library, job)
                return f"{len(new)} new words, {len(same)} of them known by another name"

            return store

        return ask

    def _new_words(self, video: Video, sections: Sequence[Section]) -> list[str]:
        """Forms that are not filed yet, those with most behind them first."""
        named = self._named(video, sections)
        forms = list(dict.fromkeys(form for _, form in _best(named)))
        filed = vocabulary.known(self._library, forms)
        return [form for form in forms if form not in filed][:_NEW_AT_ONCE]

    def _finish(self, job: Job, video: Video, sections: Sequence[Section]) -> None:
        named = self._named(video, sections)
        best = _best(named)
        with self._library.writing():
            vocabulary.learn(self._library, {form: form for _, form in best})  # of a photo: nobody was asked
            filed = vocabulary.known(self._library, [form for _, form in best])
            found = _tags(named, best, filed)
            curve = of_sections(self._library, video.id, sections)
            understanding.store_tags(
                self._library,
                video.id,
                found,
                event_type=self._event(video, sections),
                excitement=of_video(self._library, video.id, sections, curve),
            )
            understanding.tag_frames(self._library, self._plain_frames(video, found))
            self._sections.tidy(video, sections)
            jobs.finish(self._library, job)

    def _named(self, video: Video, sections: Sequence[Section]) -> Named:
        """What the sections name, and what the vision model named in the frames."""
        grounds: dict[tuple[TagKind, str], tuple[str, list[int]]] = {}
        said = [
            (kind, word, ground)
            for section in sections
            for kind, word in section.answer.words
            for ground in section.answer.rests_on
        ]
        for kind, word, ground in [*said, *understanding.frame_words(self._library, video.id)]:
            form = vocabulary.form(word)
            if form:
                of_word = grounds.setdefault((kind, form), (word, []))[1]
                if ground not in of_word:
                    of_word.append(ground)
        return grounds

    def _event(self, video: Video, sections: Sequence[Section]) -> str:
        """What most of the time is said to be: the sections', else the frames' event."""
        votes: Counter[str] = Counter()
        for section in sections:
            votes[vocabulary.form(section.answer.event_type)] += 1
        if not sections:
            votes.update(vocabulary.form(event) for event in understanding.frame_events(self._library, video.id))
        del votes[""]
        return votes.most_common(1)[0][0] if votes else ""

    def _plain_frames(self, video: Video, found: Sequence[VideoTag]) -> list[tuple[int, str]]:
        """Frames that were described in plain sentences, with those of the tags that their description names."""
        tags = [tag.tag for tag in found if tag.kind is not TagKind.KEYWORD]
        return [
            (passage.frame_id, tag)
            for passage in understanding.evidence(self._library, video.id)
            if passage.frame_id is not None and (passage.prompt_version or "").endswith("-plain")
            for tag in tags
            if re.search(rf"\b{re.escape(tag)}s?\b", passage.text, re.I)
        ]


def _best(named: Named) -> list[tuple[TagKind, str]]:
    """The kinds and forms that a video keeps: those that most passages speak for."""
    ranked = sorted(named, key=lambda one: (-len(named[one][1]), one))
    return [one for kind, most in _KEPT.items() for one in [key for key in ranked if key[0] is kind][:most]]


def _tags(named: Named, best: Sequence[tuple[TagKind, str]], filed: Mapping[str, str]) -> list[VideoTag]:
    """Tags under the names they are filed under; two forms of one word become one tag."""
    grounds: dict[tuple[TagKind, str], list[int]] = {}
    for kind, form in best:
        of_tag = grounds.setdefault((kind, filed[form]), [])
        of_tag.extend(ground for ground in named[kind, form][1] if ground not in of_tag)
    return [VideoTag(kind, tag, tuple(ids[:_MOST_GROUNDS])) for (kind, tag), ids in grounds.items()]


def _filed(word: str, same: Mapping[str, str]) -> str:
    """The word at the end of a chain of synonyms; of a circle, the first one in the alphabet."""
    chain = [word]
    while (following := same.get(chain[-1])) is not None:
        if following in chain:
            return min(chain[chain.index(following) :])
        chain.append(following)
    return chain[-1]
