"""Search, completion and similar moments."""

from dataclasses import asdict

from vidlocal.app.query_completion import matching_candidates, query_candidates
from vidlocal.app.search import LibrarySearch, advice
from vidlocal.app.similar import find_similar
from vidlocal.records import Moment
from vidlocal.render import results
from vidlocal.render.highlight import find_matches, query_words
from vidlocal.store.content import frames, videos
from vidlocal.store.database import Library
from vidlocal.web.operations import Call

# Stored frames shown of a moment, and the time around a short one.
_MAX_STORYBOARD = 8
_STORYBOARD_MARGIN_S = 6.0


def search(library: Library, call: Call) -> object:
    """Find moments by what is said, shown or written in them."""
    settings = call.services.load()
    pictures = None if call["fast"] else call.services.engines.pictures(library, settings)
    finder = LibrarySearch(library, settings, words_only=call["fast"], pictures=pictures)
    result = finder.find(call["q"], limit=call["limit"])
    words = query_words(result.words)
    records = results.to_records(result.moments, explanations=result.why)
    return {
        "query": result.query,
        "words": result.words,
        "notice": result.notice,
        "confident": result.is_confident,
        "advice": None if result.moments else advice(library, call["q"]),
        "moments": _with_pictures(library, result.moments, records, words),
    }


def record_search(library: Library, call: Call) -> object:
    """Add a search to the history: frames near its results are captioned first."""
    finder = LibrarySearch(library, call.services.load(), words_only=True)
    finder.record(finder.find(call["q"], limit=10))
    return {}


def similar(library: Library, call: Call) -> object:
    """Find moments that look like a moment (VIDEO@TIME), or videos like a video."""
    result = find_similar(library, call.services.load(), call["to"], limit=call["limit"])
    records = results.to_records(result.moments)
    return {
        "query": f"similar to {call['to']}",
        "words": "",
        "notice": result.notice or None,
        "confident": True,
        "advice": None if result.moments else "Nothing similar.",
        "moments": _with_pictures(library, result.moments, records, ()),
    }


def suggest(library: Library, call: Call) -> object:
    """Complete the last word of a query: filters, and their values in this library."""
    typed = call["q"]
    candidates = matching_candidates(query_candidates(typed, call.services.load().home), typed)
    return {"suggestions": [asdict(candidate) for candidate in candidates[: call["limit"]]]}


def _with_pictures(
    library: Library, moments: tuple[Moment, ...], records: list[dict[str, object]], words: tuple[str, ...]
) -> list[dict[str, object]]:
    """Add video facts, frame ids and highlights (character positions of the text) to the records of moments."""
    by_id = {moment.video_id: videos.get(library, moment.video_id) for moment in moments}
    for moment, record in zip(moments, records, strict=True):
        video = by_id[moment.video_id]
        if video is not None:
            record["video"] = {
                "id": video.id,
                "title": video.title,
                "path": video.path,
                "kind": video.kind,
                "duration": video.duration,
            }
        best = moment.hits[0].start if moment.hits else moment.start
        frame = frames.frame_at(library, moment.video_id, best)
        record["frame"] = None if frame is None else frame.same_as or frame.id
        record["storyboard"] = _storyboard(library, moment)
        record["highlights"] = [list(span) for span in find_matches(moment.text, words)]
    return records


def _storyboard(library: Library, moment: Moment) -> list[int]:
    """List distinct frames of a moment, in order of time, evenly chosen."""
    start, end = moment.start - _STORYBOARD_MARGIN_S, moment.end + _STORYBOARD_MARGIN_S
    ids = frames.distinct_between(library, moment.video_id, start, end)
    step = max(1, -(-len(ids) // _MAX_STORYBOARD))
    return ids[::step]
