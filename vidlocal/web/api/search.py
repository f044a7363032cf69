"""Search, completion and similar moments."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from vidlocal.app.search.query_completion import matching_candidates, query_candidates
from vidlocal.app.search.run import LibrarySearch, advice, similar_names
from vidlocal.app.search.similar import find_similar
from vidlocal.records import Moment
from vidlocal.render import results
from vidlocal.render.highlight import find_matches, query_words
from vidlocal.search.query import parse
from vidlocal.store.content import frames, people, videos
from vidlocal.store.database import Library
from vidlocal.web.errors import Forbidden
from vidlocal.web.operations import Call

# Stored frames shown of a moment, and the time around a short one.
_MAX_STORYBOARD = 8
_STORYBOARD_MARGIN_S = 6.0
_MAX_FACETS = 12


def refuse_people(call: Call, query: str) -> None:
    """Raise Forbidden for people in a query of another machine."""
    parsed = parse(query)
    if not call.is_local and (parsed.people or parsed.absent):
        raise Forbidden("People can be searched on the machine of the server only.")


def search(library: Library, call: Call) -> object:
    """Find moments by what is said, shown or written in them."""
    settings = call.services.load()
    refuse_people(call, call["q"])
    pictures = None if call["fast"] else call.services.engines.pictures(library, settings)
    finder = LibrarySearch(library, settings, words_only=call["fast"], pictures=pictures, by_people=call.is_local)
    result = finder.find(call["q"], limit=call["limit"])
    words = query_words(result.words)
    records = results.to_records(result.moments, explanations=result.why)
    return {
        "query": result.query,
        "words": result.words,
        "notice": result.notice,
        "confident": result.is_confident,
        "advice": None if result.moments else advice(library, call["q"]),
        "similar_names": [] if result.moments else [asdict(video) for video in similar_names(library, call["q"])],
        "people": _people(library, call, result.moments),
        "moments": _with_pictures(library, result.moments, records, words),
    }


def record_search(library: Library, call: Call) -> object:
    """Add a search to the history: frames near its results are captioned first."""
    refuse_people(call, call["q"])
    finder = LibrarySearch(library, call.services.load(), words_only=True, by_people=call.is_local)
    finder.record(finder.find(call["q"], limit=10))
    return {}


def similar(library: Library, call: Call) -> object:
    """Find moments similar to a moment (VIDEO@TIME), or videos similar to a video."""
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
    if typed.lower().lstrip("-").startswith("person:") and not call.is_local:
        return {"suggestions": []}
    candidates = matching_candidates(query_candidates(typed, call.services.load().home), typed)
    return {"suggestions": [asdict(candidate) for candidate in candidates[: call["limit"]]]}


def _people(library: Library, call: Call, moments: Sequence[Moment]) -> list[dict[str, object]]:
    """Count the moments of each visible person, the most frequent first. Other machines get none."""
    counts = Counter(name for moment in moments for name in moment.people)
    if not counts or not call.is_local:
        return []
    frequent = counts.most_common(_MAX_FACETS)
    by_name = {person.name: person for person in people.with_names(library, [name for name, _ in frequent])}
    common = [(by_name[name], count) for name, count in frequent if name in by_name]
    return [
        {"id": person.id, "name": person.name, "face": person.best.id, "moments": count}
        for person, count in common
        if person.best is not None
    ]


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
