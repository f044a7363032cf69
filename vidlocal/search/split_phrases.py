"""Phrases spread over neighbouring lines: their lines are hits of a single moment."""

from collections.abc import Sequence
from dataclasses import replace

from vidlocal.records import Hit
from vidlocal.search.verbatim import VERBATIM_SCORE
from vidlocal.store.database import Library
from vidlocal.store.index import hits, line_phrases
from vidlocal.store.index.search_filter import SearchFilter

# Passage ids of neighbouring lines, in order.
Run = tuple[int, ...]

# Score of lines that hold a required phrase together, of which the rest of the search knows none.
UNRANKED_SCORE = 0.5


def admit_split(library: Library, search_filter: SearchFilter) -> tuple[SearchFilter, list[Run]]:
    """Let the lines with a part of a phrase pass the filter. Returns the filter, and the lines of each match."""
    runs = {phrase: line_phrases.find(library, phrase) for phrase in (*search_filter.phrases, *search_filter.excluded)}
    split_lines = {phrase: frozenset(sum(matches, ())) for phrase, matches in runs.items() if matches}
    required = [run for phrase in search_filter.phrases for run in runs[phrase]]
    return (replace(search_filter, split_lines=split_lines) if split_lines else search_filter), required


def add_lines(
    library: Library, text_hits: Sequence[Hit], runs: Sequence[Run], words: str, search_filter: SearchFilter
) -> tuple[list[Hit], list[Run]]:
    """Add missing lines of `runs` with the score of the other lines, and lines with all `words` together.

    Returns the hits, and all runs.
    """
    whole = line_phrases.find(library, words, among=[hit.key for hit in text_hits])
    if search_filter.phrases == (words,):
        whole = [*runs, *whole]
    by_id = {hit.key: hit for hit in text_hits}
    scores: dict[int, float] = {}
    for run in [*runs, *whole]:
        score = max((by_id[line].score for line in run if line in by_id), default=UNRANKED_SCORE)
        for line in run:
            scores[line] = max(scores.get(line, 0.0), VERBATIM_SCORE if run in whole else score)
    raised = [replace(hit, score=max(hit.score, scores.get(hit.key, 0.0))) for hit in text_hits]
    missing = {line: score for line, score in scores.items() if line not in by_id}
    return [*raised, *hits.read(library, missing, search_filter)], [*runs, *whole]
