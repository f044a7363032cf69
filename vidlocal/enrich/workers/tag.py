"""Tag videos: words of their sections and frames, merged into the vocabulary of the library."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from vidlocal.engines.prompts import prompt_escape, text_parser, text_prompts
from vidlocal.enrich.runner.pool import Task
from vidlocal.enrich.runner.text_request import PromptRoom, TextRequest, TextResponse
from vidlocal.enrich.workers.excitement import of_sections, of_video
from vidlocal.enrich.workers.sections import Sections, retry_shorter
from vidlocal.model_answers import Section
from vidlocal.records import Job, MediaKind, TagKind, Video, VideoTag
from vidlocal.store.content import understanding, videos, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# Maximum tags of each kind per video, and maximum cited passages per tag.
_MAX_TAGS = {TagKind.TAG: 30, TagKind.PERSON: 15, TagKind.OBJECT: 25, TagKind.PLACE: 10, TagKind.KEYWORD: 30}
_MAX_CITATIONS = 12

# Words in a prompt about synonyms.
_MAX_NEW_WORDS = 60
_MAX_KNOWN_WORDS = 120

# Per kind and normalized form: the first wording, and the ids of the passages that name it.
Mentions = Mapping[tuple[TagKind, str], tuple[str, Sequence[int]]]


class Tagger:
    """Builds one task of a video at a time: first sections, then synonyms of new words; requeued until done.

    `model` and `num_ctx` are those of the text model on every host.
    """

    def __init__(self, library: Library, model: str, num_ctx: int) -> None:
        self._library = library
        self._sections = Sections(library, model, num_ctx)
        self._room = PromptRoom(text_prompts.token_budget(num_ctx, ""))

    def prepare(self, job: Job) -> Task | None:
        """Build the next task. None, with the job finished, without further work."""
        video = videos.get(self._library, job.video_id)
        if video is None:
            jobs.finish(self._library, job)
            return None
        if video.kind is MediaKind.PHOTO and self._mentions(video, ()):
            self._finish(job, video, ())  # the vision model has named everything in a photo
            return None
        sections, prompts = self._sections.of(video)
        if prompts:
            return self._sections.task(job, video, prompts[0])
        new_words = self._new_words(video, sections)
        if new_words:
            return self._synonym_task(job, new_words)
        self._finish(job, video, sections)
        return None

    def _synonym_task(self, job: Job, new_words: Sequence[str]) -> Task:
        """Ask for synonyms of new words among known words; afterwards all new words are in the vocabulary."""
        known_words = vocabulary.most_used(self._library, limit=_MAX_KNOWN_WORDS)
        while prompt_escape.estimate_tokens(text_prompts.merge_prompt(new_words, known_words)) > self._room.tokens:
            if len(new_words) <= 1:
                break
            new_words, known_words = new_words[: len(new_words) // 2], known_words[: len(known_words) // 2]
        words, candidates = new_words, [*known_words, *new_words]

        def store(response: TextResponse) -> str:
            if response.too_long:
                return retry_shorter(self._library, job, self._room, response)
            synonyms = text_parser.parse_synonyms(response.text, words, candidates)
            with self._library.writing():
                vocabulary.add(self._library, {word: _canonical(word, synonyms) for word in words})
                jobs.requeue_next_step(self._library, job)
            return f"{len(words)} new words, {len(synonyms)} of them known by another name"

        prompt = text_prompts.merge_prompt(words, known_words)
        return Task(TextRequest(prompt, text_prompts.MERGE_SCHEMA, job.attempts), store)

    def _new_words(self, video: Video, sections: Sequence[Section]) -> list[str]:
        """Forms missing in the vocabulary, most mentioned first."""
        mentions = self._mentions(video, sections)
        forms = list(dict.fromkeys(form for _, form in _most_mentioned(mentions)))
        canonical = vocabulary.lookup(self._library, forms)
        return [form for form in forms if form not in canonical][:_MAX_NEW_WORDS]

    def _finish(self, job: Job, video: Video, sections: Sequence[Section]) -> None:
        mentions = self._mentions(video, sections)
        keys = _most_mentioned(mentions)
        with self._library.writing():
            vocabulary.add(self._library, {form: form for _, form in keys})  # words of a photo had no synonym task
            canonical = vocabulary.lookup(self._library, [form for _, form in keys])
            tags = _tags(mentions, keys, canonical)
            curve = of_sections(self._library, video.id, sections)
            understanding.store_tags(
                self._library,
                video.id,
                tags,
                event_type=self._event(video, sections),
                excitement=of_video(self._library, video.id, sections, curve),
            )
            understanding.add_frame_tags(self._library, self._untagged_frames(video, tags))
            self._sections.remove_outdated(video, sections)
            jobs.finish(self._library, job)

    def _mentions(self, video: Video, sections: Sequence[Section]) -> Mentions:
        """Words of the sections and of the frames of a video."""
        mentions: dict[tuple[TagKind, str], tuple[str, list[int]]] = {}
        section_words = [
            (kind, word, passage_id)
            for section in sections
            for kind, word in section.answer.words
            for passage_id in section.answer.citations
        ]
        for kind, word, passage_id in [*section_words, *understanding.frame_words(self._library, video.id)]:
            form = vocabulary.normalize(word)
            if form:
                passage_ids = mentions.setdefault((kind, form), (word, []))[1]
                if passage_id not in passage_ids:
                    passage_ids.append(passage_id)
        return mentions

    def _event(self, video: Video, sections: Sequence[Section]) -> str:
        """The most frequent event type of the sections, else of the frames."""
        votes: Counter[str] = Counter()
        for section in sections:
            votes[vocabulary.normalize(section.answer.event_type)] += 1
        if not sections:
            votes.update(vocabulary.normalize(event) for event in understanding.frame_events(self._library, video.id))
        del votes[""]
        return votes.most_common(1)[0][0] if votes else ""

    def _untagged_frames(self, video: Video, tags: Sequence[VideoTag]) -> list[tuple[int, str]]:
        """Frames described in plain sentences, each with the tags in the description."""
        words = [tag.tag for tag in tags if tag.kind is not TagKind.KEYWORD]
        return [
            (passage.frame_id, word)
            for passage in understanding.evidence(self._library, video.id)
            if passage.frame_id is not None and (passage.prompt_version or "").endswith("-plain")
            for word in words
            if re.search(rf"\b{re.escape(word)}s?\b", passage.text, re.I)
        ]


def _most_mentioned(mentions: Mentions) -> list[tuple[TagKind, str]]:
    """The kinds and forms with most passages, up to the maximum of each kind."""
    ranked = sorted(mentions, key=lambda key: (-len(mentions[key][1]), key))
    return [key for kind, limit in _MAX_TAGS.items() for key in [key for key in ranked if key[0] is kind][:limit]]


def _tags(mentions: Mentions, keys: Sequence[tuple[TagKind, str]], canonical: Mapping[str, str]) -> list[VideoTag]:
    """Tags under their canonical names; two forms of a word become one tag."""
    citations: dict[tuple[TagKind, str], list[int]] = {}
    for kind, form in keys:
        passage_ids = citations.setdefault((kind, canonical[form]), [])
        passage_ids.extend(passage_id for passage_id in mentions[kind, form][1] if passage_id not in passage_ids)
    return [VideoTag(kind, tag, tuple(ids[:_MAX_CITATIONS])) for (kind, tag), ids in citations.items()]


def _canonical(word: str, synonyms: Mapping[str, str]) -> str:
    """The end of a chain of synonyms; for a cycle, the first word in the alphabet."""
    chain = [word]
    while (following := synonyms.get(chain[-1])) is not None:
        if following in chain:
            return min(chain[chain.index(following) :])
        chain.append(following)
    return chain[-1]
