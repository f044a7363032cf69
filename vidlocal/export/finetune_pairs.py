"""Pairs for fine-tuning a vision model: an image with a question, and the answer corrected by a person."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from vidlocal.engines.prompts import text_prompts, vision_prompts
from vidlocal.engines.served.contact_sheet import contact_sheet
from vidlocal.enrich.workers.watch import CONTEXT_KINDS
from vidlocal.errors import MediaError
from vidlocal.records import Frame, Passage, PassageKind
from vidlocal.store.content import frame_images, frames, passages, sequences
from vidlocal.store.database import Library

# Passages about what a frame shows: written by a vision model, or noted by a person.
TRAINABLE_KINDS = (PassageKind.SCENE, PassageKind.ACTION, PassageKind.NOTE)

# Trainers insert the image at this token, also within an answer (preprocess_multimodal in LLaVA's train.py).
IMAGE_TOKEN = "<image>"


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A JPEG, a question in plain sentences, and the passage with the answer. Equal names mean equal images."""

    passage: Passage
    name: str
    jpeg: bytes
    question: str


class PairBuilder:
    """Builds the pairs of a library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._sequences: tuple[int, tuple[sequences.FrameSequence, ...]] = (0, ())

    def corrections(self, video_ids: Iterable[int], kinds: Iterable[PassageKind]) -> list[Passage]:
        """List the passages of these videos written or corrected by a person, in order of video and time."""
        included = set(video_ids)
        trainable = [kind for kind in TRAINABLE_KINDS if kind in set(kinds)]
        by_hand = passages.written_by_hand(self._library, trainable)
        return [passage for passage in by_hand if passage.video_id in included]

    def build(self, passage: Passage) -> TrainingPair | None:
        """Build the pair of a passage; None without a readable image, or if trainers would misread the text."""
        if IMAGE_TOKEN in passage.text:
            return None
        try:
            return self._action_pair(passage) if passage.kind is PassageKind.ACTION else self._frame_pair(passage)
        except MediaError:
            return None

    def _frame_pair(self, passage: Passage) -> TrainingPair | None:
        frame = None if passage.frame_id is None else frames.get(self._library, passage.frame_id)
        frame = frame or frames.frame_at(self._library, passage.video_id or 0, passage.start)
        if frame is None:
            return None
        # A repeat has the image of its original, and therefore the same name.
        return TrainingPair(
            passage, f"frame-{frame.same_as or frame.id}.jpg", self._jpeg(frame), vision_prompts.PLAIN_PROMPT
        )

    def _action_pair(self, passage: Passage) -> TrainingPair | None:
        """Pair of a sequence, as a contact sheet: every model accepts a single image."""
        sequence = self._sequence(passage)
        if sequence is None:
            return None
        times = [frame.time for frame in sequence.frames]
        sheet = contact_sheet([self._jpeg(frame) for frame in sequence.frames], times)
        context = passages.between(self._library, passage.video_id or 0, sequence.start, sequence.end, CONTEXT_KINDS)
        question = text_prompts.watch_prompt(times, sequence.cuts, context, as_sheet=True, plain=True)
        return TrainingPair(passage, f"strip-{sequence.frames[0].id}.jpg", sheet, question)

    def _sequence(self, passage: Passage) -> sequences.FrameSequence | None:
        """Return the sequence with the span of the passage. Caches the sequences of the last video."""
        video_id = passage.video_id or 0
        if self._sequences[0] != video_id:
            self._sequences = video_id, sequences.of_video(self._library, video_id)
        span = passage.start, passage.end
        return next((sequence for sequence in self._sequences[1] if (sequence.start, sequence.end) == span), None)

    def _jpeg(self, frame: Frame) -> bytes:
        """Read a stored image unchanged. Raises MediaError if the file is not a valid JPEG."""
        from PIL import Image

        data = frame_images.read(self._library, frame)
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                image.load()
        except (OSError, Image.DecompressionBombError) as error:
            raise MediaError(f"Frame {frame.id}: the image is no valid JPEG. Run: vidlocal check --repair") from error
        return data
