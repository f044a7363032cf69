"""Pairs to fine-tune a vision model with: what it is shown and asked here, and what a person wrote instead."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from vidlocal.engines import prompts, text_prompts
from vidlocal.engines.contact_sheet import contact_sheet
from vidlocal.enrich.workers.watch import CONTEXT_KINDS
from vidlocal.errors import MediaError
from vidlocal.records import Frame, Passage, PassageKind
from vidlocal.store.content import frames, passages, sequences
from vidlocal.store.database import Library

# What a vision model writes, and what a person notes beside it.
TRAINABLE_KINDS = (PassageKind.SCENE, PassageKind.ACTION, PassageKind.NOTE)

# Trainers put the picture wherever this stands, in an answer too (preprocess_multimodal in LLaVA's train.py).
IMAGE_TOKEN = "<image>"


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A JPEG, the question in plain sentences, and the passage that answers it. One `name`, one picture."""

    passage: Passage
    name: str
    jpeg: bytes
    question: str


class PairBuilder:
    """Finds the pairs of a library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._strips: tuple[int, tuple[sequences.FrameSequence, ...]] = (0, ())

    def corrections(self, video_ids: Iterable[int], kinds: Iterable[PassageKind]) -> list[Passage]:
        """What a person wrote or corrected of what is to be seen in these videos, in order of video and time."""
        among, wanted = set(video_ids), [kind for kind in TRAINABLE_KINDS if kind in set(kinds)]
        return [one for one in passages.written_by_hand(self._library, wanted) if one.video_id in among]

    def build(self, passage: Passage) -> TrainingPair | None:
        """The passage with its picture; None where none can be read, and where trainers would misread the text."""
        if IMAGE_TOKEN in passage.text:
            return None
        try:
            return self._watched(passage) if passage.kind is PassageKind.ACTION else self._seen(passage)
        except MediaError:
            return None

    def _seen(self, passage: Passage) -> TrainingPair | None:
        frame = None if passage.frame_id is None else frames.get(self._library, passage.frame_id)
        frame = frame or frames.frame_at(self._library, passage.video_id or 0, passage.start)
        if frame is None:
            return None
        # A repeat has the picture of the frame it repeats, and so its name.
        return TrainingPair(passage, f"frame-{frame.same_as or frame.id}.jpg", self._jpeg(frame), prompts.PLAIN_PROMPT)

    def _watched(self, passage: Passage) -> TrainingPair | None:
        """A strip is one contact sheet, which every model takes."""
        strip = self._strip(passage)
        if strip is None:
            return None
        times = [picture.time for picture in strip.frames]
        sheet = contact_sheet([self._jpeg(picture) for picture in strip.frames], times)
        heard = passages.between(self._library, passage.video_id or 0, strip.start, strip.end, CONTEXT_KINDS)
        question = text_prompts.watch_prompt(times, strip.cuts, heard, as_sheet=True, plain=True)
        return TrainingPair(passage, f"strip-{strip.frames[0].id}.jpg", sheet, question)

    def _strip(self, passage: Passage) -> sequences.FrameSequence | None:
        video_id = passage.video_id or 0
        if self._strips[0] != video_id:
            self._strips = video_id, sequences.of_video(self._library, video_id)
        alike = [one for one in self._strips[1] if (one.start, one.end) == (passage.start, passage.end)]
        return next(iter(alike), None)

    def _jpeg(self, frame: Frame) -> bytes:
        """The stored picture as it is. MediaError when it is no JPEG of this library."""
        from PIL import Image

        data = frames.read_image(self._library, frame)
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                image.load()
        except (OSError, Image.DecompressionBombError) as error:
            raise MediaError(f"Frame {frame.id}: the image is no valid JPEG. Run: vidlocal check --repair") from error
        return data
