"""Write search results as a JSON document or tab-separated lines. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vidlocal.explanations import FrameExplanation, PassageExplanation, SecondLook
from vidlocal.records import Hit, Moment
from vidlocal.render.sanitize import one_line, sanitize_path
from vidlocal.timecode import format_time


def to_document(
    query: str,
    moments: Sequence[Moment],
    *,
    explanations: Mapping[int, PassageExplanation | FrameExplanation] | None = None,
    second_looks: Mapping[Moment, SecondLook] | None = None,
    judged: Mapping[Moment, float] | None = None,
    is_confident: bool | None = None,
) -> dict[str, object]:
    """`{"query", "confident", "moments": [...]}` for JSON. Times are seconds to the millisecond, scores 0 to 1.

    `explanations`, by passage id, are added to the hits, `second_looks` and `judged` (probabilities) to the moments.
    "confident" is False for the nearest moments of a search without a good match, and missing for None. Texts are as
    stored: write the JSON with `sanitize.to_json` to escape control characters.
    """
    records = to_records(moments, explanations=explanations, second_looks=second_looks, judged=judged)
    confidence = {} if is_confident is None else {"confident": is_confident}
    return {"query": query, **confidence, "moments": records}


def to_records(
    moments: Sequence[Moment],
    *,
    explanations: Mapping[int, PassageExplanation | FrameExplanation] | None = None,
    second_looks: Mapping[Moment, SecondLook] | None = None,
    judged: Mapping[Moment, float] | None = None,
) -> list[dict[str, object]]:
    """The moments of `to_document` alone."""
    probabilities = judged or {}
    return [
        _moment(moment, explanations, (second_looks or {}).get(moment))
        | ({"judged": round(probabilities[moment], 4)} if moment in probabilities else {})
        for moment in moments
    ]


def to_tsv(moment: Moment) -> str:
    """`path  start  end  score  kinds  text`, separated by tabs. Times are h:mm:ss.s, kinds separated by commas."""
    fields = (
        sanitize_path(Path(moment.video_path)),
        format_time(moment.start),
        format_time(moment.end),
        f"{moment.score:.3f}",
        ",".join(moment.kinds),
        one_line(moment.text),
    )
    return "\t".join(fields)


def _moment(
    moment: Moment, explanations: Mapping[int, PassageExplanation | FrameExplanation] | None, look: SecondLook | None
) -> dict[str, object]:
    document: dict[str, object] = {
        "video": {"id": moment.video_id, "title": moment.video_title, "path": moment.video_path},
        "start": round(moment.start, 3),
        "end": round(moment.end, 3),
        "score": round(moment.score, 4),
        "kinds": list(moment.kinds),
        "text": moment.text,
        "hits": [_hit(hit) | _explanation(hit, explanations) for hit in moment.hits],
    }
    if moment.people:
        document["people"] = list(moment.people)
    if look is not None:
        document["look"] = {"time": round(look.time, 3), "shows": look.matches, "what": look.description}
    return document


def _hit(hit: Hit) -> dict[str, object]:
    frame: dict[str, object] = {} if hit.frame_id is None else {"frame_id": hit.frame_id}
    return {
        "passage_id": hit.passage_id,
        **frame,
        "start": round(hit.start, 3),
        "end": round(hit.end, 3),
        "score": round(hit.score, 4),
        "kind": hit.kind,
        "text": hit.text,
        **({"speaker": hit.speaker} if hit.speaker else {}),
    }


def _explanation(
    hit: Hit, explanations: Mapping[int, PassageExplanation | FrameExplanation] | None
) -> dict[str, object]:
    """`{"why": ...}`, null for a hit found by a filter only; empty without `explanations`."""
    if explanations is None:
        return {}
    scores = explanations.get(hit.key)
    if scores is None:
        return {"why": None}
    if isinstance(scores, FrameExplanation):
        image = {"rank": scores.rank, "cosine": round(scores.cosine, 4), "z": round(scores.z, 4)}
        return {"why": {"words": None, "vectors": None, "pictures": {**image, "weight": round(scores.z, 4)}}}
    words = None
    if scores.coverage is not None:
        words = {
            "rank": scores.words_rank,
            "coverage": round(scores.coverage, 4),
            "weight": round(scores.words_weight, 4),
        }
    meaning: dict[str, object] | None = None
    if scores.cosine is not None and scores.z is not None:
        meaning = {
            "rank": scores.meaning_rank,
            "cosine": round(scores.cosine, 4),
            "z": round(scores.z, 4),
            "weight": round(scores.meaning_weight, 4),
        }
    return {"why": {"words": words, "vectors": meaning}}
