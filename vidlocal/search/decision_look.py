"""Rerank moments by a decision model with vision."""

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress

from vidlocal.engines.jpeg import noisy_colour
from vidlocal.engines.judge import ImageJudge
from vidlocal.engines.prompts import rerank_prompts
from vidlocal.engines.served import canary
from vidlocal.errors import AnswerRejected, MediaError, StoreError
from vidlocal.explanations import SecondLook
from vidlocal.records import Moment
from vidlocal.search.judging import MATCH
from vidlocal.store.content import frame_images, frames
from vidlocal.store.database import Library
from vidlocal.store.history import second_looks


def can_judge_images(judge: ImageJudge, rng: random.Random | None = None) -> bool:
    """Ask control questions about two plain colours. True if right answers are more probable than wrong answers.

    A model without a clear answer to one of them is no judge either.
    """
    first, second = (rng or random.Random()).sample(sorted(canary.COLOURS), 2)
    images = {colour: noisy_colour(canary.COLOURS[colour], side_px=canary.SIDE_PX) for colour in (first, second)}
    try:
        answers = {
            (shown, asked): judge.image_probability(image, f"a plain {asked} surface")
            for shown, image in images.items()
            for asked in images
        }
    except AnswerRejected:
        return False
    right = [answer for (shown, asked), answer in answers.items() if shown == asked]
    wrong = [answer for (shown, asked), answer in answers.items() if shown != asked]
    return min(right) > max(wrong)


def look_at_moments(
    library: Library, judge: ImageJudge, query: str, moments: Sequence[Moment], *, keep: bool
) -> Iterator[tuple[Moment, SecondLook]]:
    """Yield the answer for each moment; skip moments without an image or a usable answer.

    `keep` stores the answers with the query. Raises EngineError if the model cannot be used any more.
    """
    for moment in moments:
        best = moment.hits[0] if moment.hits else moment
        shown = frames.frame_at(library, moment.video_id, (best.start + best.end) / 2)
        if shown is None:
            continue
        key = (shown.same_as or shown.id, judge.digest, rerank_prompts.DECISION_VERSION, query)
        stored = second_looks.get(library, *key)
        with suppress(AnswerRejected, MediaError):
            if stored is None:
                stored = judge.image_probability(frame_images.read(library, shown), query) >= MATCH, ""
                if keep:
                    with suppress(StoreError):  # next time the model is asked again
                        second_looks.put(library, *key, stored)
            yield moment, SecondLook(max(moment.start, shown.time), *stored)
