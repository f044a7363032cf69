"""Answers of the vision and text models, as parsed and stored. No I/O."""

import json
from dataclasses import dataclass, fields

from vidlocal.records import TagKind


@dataclass(frozen=True, slots=True)
class SceneAnswer:
    """The vision model's answer about a frame. `excitement` is 0 to 1."""

    description: str
    tags: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    people_count: int | None = None
    relationships: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    setting: str = ""
    visible_text: str = ""
    event_type: str = ""
    excitement: float | None = None

    def facts_json(self) -> str:
        """JSON of all non-empty fields except description and tags, as stored with the frame."""
        names = (field.name for field in fields(self) if field.name not in ("description", "tags"))
        values = {name: getattr(self, name) for name in names}
        return json.dumps(
            {name: value for name, value in values.items() if value not in (None, "", ())}, ensure_ascii=False
        )


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """The vision model's answer about a sequence of frames. `action` is empty if nothing happens."""

    action: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionAnswer:
    """The text model's summary of a section of a video. `excitement` is 0 to 1.

    `words` are tags, people, objects, places and keywords in the words of the model. `citations` are the ids of the
    cited passages, a subset of the input.
    """

    title: str
    summary: str
    citations: tuple[int, ...]
    words: tuple[tuple[TagKind, str], ...] = ()
    event_type: str = ""
    excitement: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a video's timeline with the text model's answer.

    `fingerprint` is a hash of the input and prompt; a section with the same fingerprint is not asked again.
    """

    number: int
    start: float
    end: float
    fingerprint: str
    answer: SectionAnswer


@dataclass(frozen=True, slots=True)
class ChaptersAnswer:
    """The text model's summary and chapters of a video.

    `chapters` are titles with the position of their first section, starting at 0. `citations` are the positions of the
    sections cited by the summary.
    """

    summary: str
    chapters: tuple[tuple[str, int], ...]
    citations: tuple[int, ...]
