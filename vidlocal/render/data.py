"""Moments for programs: one JSON document, or one line of fields with tabs between. Pure."""

from collections.abc import Sequence

from vidlocal.records import Hit, Moment
from vidlocal.render.safe import flat, safe
from vidlocal.timecode import clock

_LINE_BREAKERS = str.maketrans("\t\n", "  ")


def document(query: str, moments: Sequence[Moment]) -> dict[str, object]:
    """`{"query", "moments": [...]}` ready for JSON. Times are seconds to the millisecond, scores 0 to 1.

    Texts are as stored; whoever writes the JSON escapes control characters (`render.safe.as_json`).
    """
    return {"query": query, "moments": [_moment(moment) for moment in moments]}


def line(moment: Moment) -> str:
    """`path  start  end  score  kinds  text` with tabs between, times as h:mm:ss.s, kinds with commas between."""
    fields = (
        safe(moment.video_path).translate(_LINE_BREAKERS),
        clock(moment.start),
        clock(moment.end),
        f"{moment.score:.3f}",
        ",".join(moment.kinds),
        flat(moment.text),
    )
    return "\t".join(fields)


def _moment(moment: Moment) -> dict[str, object]:
    return {
        "video": {"id": moment.video_id, "title": moment.video_title, "path": moment.video_path},
        "start": round(moment.start, 3),
        "end": round(moment.end, 3),
        "score": round(moment.score, 4),
        "kinds": list(moment.kinds),
        "text": moment.text,
        "hits": [_hit(hit) for hit in moment.hits],
    }


def _hit(hit: Hit) -> dict[str, object]:
    return {
        "passage_id": hit.passage_id,
        "start": round(hit.start, 3),
        "end": round(hit.end, 3),
        "score": round(hit.score, 4),
        "kind": hit.kind,
        "text": hit.text,
    }
