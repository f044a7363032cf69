"""Outcomes of `vidlocal ingest`: a line per file at once, then a summary."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vidlocal.app.progress import ProgressLine
from vidlocal.cli.ui import console
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.ingest.outcome import IngestResult, Outcome
from vidlocal.records import MediaKind
from vidlocal.render.sanitize import one_line
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_short_time

# Failures for the same reason that are printed file by file on a terminal.
_MAX_EQUAL_FAILURES = 3


class OutcomePrinter:
    """Prints and counts outcomes. On a terminal, skipped files and many equal failures are only counted."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._outcomes: list[Outcome] = []
        self._failures: Counter[str] = Counter()

    def add(self, outcome: Outcome, line: ProgressLine) -> None:
        """Print an outcome above the line of progress, as JSON, or as fields."""
        self._outcomes.append(outcome)
        if self._json:
            console.record(outcome.as_data())
        elif outcome.result is IngestResult.SKIPPED:
            return
        elif not console.is_terminal():
            console.fields(*_fields(outcome))
        elif outcome.result is not IngestResult.FAILED:
            line.notify(_sentence(outcome))
        else:
            reason = _reason(outcome)
            self._failures[reason] += 1
            if self._failures[reason] <= _MAX_EQUAL_FAILURES:
                line.notify(_sentence(outcome))

    def summarise(self, *, quiet: bool, every_is_given: bool) -> None:
        """Print the number of files by result, unprinted failures, and each note once."""
        quiet = quiet or self._json
        counts = Counter(outcome.result for outcome in self._outcomes)
        parts = [f"{counts[result]:,} {result.value}" for result in IngestResult if counts[result]]
        reasons = Counter(outcome.skip_reason for outcome in self._outcomes if outcome.skip_reason)
        if reasons:
            parts[-1] += f" ({_format_reasons(reasons)})"
        console.notice(f"{', '.join(parts) or 'No files found'}.", quiet=quiet)
        hidden = {reason: count - _MAX_EQUAL_FAILURES for reason, count in self._failures.most_common()}
        for reason, count in hidden.items():
            if count > 0:
                console.notice(f"{count:,} more failed: {reason}", quiet=quiet)
        if any(count > 0 for count in hidden.values()):
            console.notice("To list every file, pipe the output of the same command.", quiet=quiet)
        for note in dict.fromkeys(note for outcome in self._outcomes for note in outcome.notes):
            console.notice(note, quiet=quiet)
        if counts[IngestResult.ADDED]:
            console.notice('Next: vidlocal search "WORDS", or vidlocal enrich to caption the frames.', quiet=quiet)
        if every_is_given:
            _warn_unchanged_frames(self._outcomes, quiet=quiet)

    @property
    def exit_code(self) -> int:
        """Exit code for some or all files failed, else 0. Skipped files do not count."""
        results = [outcome.result for outcome in self._outcomes if outcome.result is not IngestResult.SKIPPED]
        failed = results.count(IngestResult.FAILED)
        if not failed:
            return 0
        return ALL_FAILED if failed == len(results) else SOME_FAILED


def _reason(outcome: Outcome) -> str:
    """Return the reason of a failure without the file name and numbers, the same for all files of a kind."""
    reason = one_line(outcome.reason or "").removeprefix(f"{one_line(outcome.path.name)}: ")
    return re.sub(r"\d[\d.,:]*", "…", reason)


def _sentence(outcome: Outcome) -> str:
    """Return the line of a file: result, name, video id and facts."""
    name = one_line(outcome.path.name)
    if outcome.result is IngestResult.FAILED:
        return f"failed  {one_line(outcome.reason or '')}"
    facts = [f"#{outcome.video.id}"] if outcome.video is not None else []
    if outcome.result is IngestResult.DUPLICATE and outcome.video is not None:
        facts.append(f"same as {one_line(outcome.video.title)}")
    if outcome.result is IngestResult.ADDED:
        facts += _added_facts(outcome)
    return "  ".join([outcome.result.value, name, *facts])


def _added_facts(outcome: Outcome) -> list[str]:
    video = outcome.video
    facts = [format_short_time(video.duration)] if video is not None and video.duration else []
    counts = (
        (outcome.frames, "frame", "frames"),
        (outcome.subtitles, "subtitle", "subtitles"),
        (outcome.speech, "line of speech", "lines of speech"),
        (outcome.screen_texts, "text on screen", "texts on screen"),
    )
    facts += [pluralize(count, singular, plural) for count, singular, plural in counts if count]
    facts.append(format_duration(outcome.seconds))
    if video is not None and video.partial:
        facts.append(one_line(video.partial))
    return facts


def _fields(outcome: Outcome) -> Sequence[str | Path]:
    return (
        outcome.result.value,
        outcome.path,
        str(outcome.video.id) if outcome.video else "",
        str(outcome.frames),
        str(outcome.distinct),
        f"{outcome.seconds:.2f}",
        outcome.reason or (outcome.video.partial if outcome.video else None) or "",
    )


def _format_reasons(reasons: Counter[str]) -> str:
    """`not media`, or `8 not media, 3 excluded` for several reasons."""
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())


def _warn_unchanged_frames(outcomes: Sequence[Outcome], *, quiet: bool) -> None:
    """Explain why --every has no effect on indexed videos."""
    indexed = (
        outcome.video for outcome in outcomes if outcome.result in {IngestResult.UNCHANGED, IngestResult.DUPLICATE}
    )
    videos = [video for video in indexed if video is not None and video.kind is MediaKind.VIDEO]
    if videos:
        count = pluralize(len(videos), "indexed video keeps its frames", "indexed videos keep their frames")
        remedy = f"To sample again, losing captions and notes: vidlocal rm {videos[0].id}, then ingest."
        console.notice(f"{count}: --every applies to new videos. {remedy}", quiet=quiet)
