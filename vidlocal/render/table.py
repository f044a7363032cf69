"""Moments, videos and passages as a person reads them on a terminal. Pure: gives rich drawings.

Everything is laid out for the width it is given, from 60 columns on: what does not fit is shortened in
the middle, because file names differ at both ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vidlocal.moments import VideoRef
from vidlocal.records import (
    Cluster,
    FrameExplanation,
    Moment,
    Passage,
    PassageExplanation,
    PassageKind,
    SecondLook,
    Video,
)
from vidlocal.render.highlight import best_excerpt, find_matches
from vidlocal.render.sanitize import one_line
from vidlocal.timecode import format_date, format_range, format_short_time

KIND_STYLES = {
    PassageKind.SPEECH: "cyan",
    PassageKind.SUBTITLE: "blue",
    PassageKind.SCREEN_TEXT: "yellow",
    PassageKind.SCENE: "green",
    PassageKind.ACTION: "magenta",
    PassageKind.SUMMARY: "bright_black",
    PassageKind.NOTE: "bright_red",
    PassageKind.PICTURE: "bright_green",
}
MATCH_STYLE = "bold underline"
# Longer lines are hard to read, however wide the terminal is.
_MAX_TEXT_CELLS = 110
_MAX_TITLE_CELLS = 60
_MAX_KINDS_CELLS = 16
_TEXT_LINES = 2
_WIDE_CELLS = 110
_MAX_NAMED = 4


@dataclass(frozen=True, slots=True)
class VideoLine:
    """A video and how many of its frames are described, for a list."""

    video: Video
    described: int
    frames: int


def moments(
    results: Sequence[Moment],
    words: Sequence[str],
    *,
    width: int,
    explanations: Mapping[int, PassageExplanation | FrameExplanation] | None = None,
    looks: Mapping[Moment, SecondLook] | None = None,
) -> RenderableType:
    """Moments in the order of their rank: one line of facts, then the best text with `words` marked.

    Below it what was seen where it was looked at again, and with `why`, by passage id, what found each hit.
    """
    when = [format_range(moment.start, moment.end) for moment in results]
    titles = [one_line(moment.video_title) for moment in results]
    rank_cells, when_cells = len(str(len(results))), max(map(len, [*when, "when"]))
    kinds_cells = min(_MAX_KINDS_CELLS, max((cell_len(", ".join(moment.kinds)) for moment in results), default=0))
    found_in = "  found in" if kinds_cells else ""
    kinds_cells = max(kinds_cells, len(found_in) - 2)
    free = width - rank_cells - when_cells - kinds_cells - len("score") - 8
    title_cells = max(12, min(_MAX_TITLE_CELLS, free, max(map(cell_len, [*titles, "video"]))))
    indent = rank_cells + 2
    blocks: list[RenderableType] = [
        Text(f"{'':{indent}}{'video':{title_cells}}  {'when':{when_cells}}  score{found_in}", style="dim")
    ]
    for rank, (moment, title, time) in enumerate(zip(results, titles, when, strict=True), 1):
        head = Text(no_wrap=True, overflow="crop")
        head.append(f"{rank:>{rank_cells}}  ", style="dim")
        head.append(shorten(title, title_cells, fill=True), style="bold")
        head.append(f"  {time:{when_cells}}  ", style="cyan")
        head.append(f"{format_score(moment.score):>5}  ", style="dim")
        head.append_text(_kinds(moment.kinds))
        excerpt = _excerpt(moment.text, words, width - indent) if moment.text else _no_text(moment)
        below = [
            excerpt,
            *_second_look((looks or {}).get(moment)),
            *(_explanations(moment, explanations) if explanations is not None else ()),
        ]
        blocks += [head, *(Padding(text, (0, 0, 0, indent), expand=False) for text in below)]
    return Group(*blocks)


def clusters(groups: Sequence[Cluster], videos: Mapping[int, VideoRef], *, width: int) -> RenderableType:
    """Groups of pictures: one line each with what all of it looks like, then where they are."""
    rank_cells = len(str(len(groups)))
    counts = [(f"{one.frame_count:,}", f"{len(one.occurrences):,}", f"{one.video_count:,}") for one in groups]
    cells = [max(map(len, column)) for column in zip(*counts, ("pictures", "takes", "videos"), strict=True)]
    indent = rank_cells + 2
    free = max(12, width - indent - sum(cells) - 6 - len("  0:00:00"))
    heads = "  ".join(f"{name:>{size}}" for name, size in zip(("pictures", "takes", "videos"), cells, strict=True))
    blocks: list[RenderableType] = [Text(f"{'':{indent}}{heads}  looks like", style="dim")]
    for rank, (one, numbers) in enumerate(zip(groups, counts, strict=True), 1):
        head = Text(no_wrap=True, overflow="crop")
        head.append(f"{rank:>{rank_cells}}  ", style="dim")
        head.append("  ".join(f"{number:>{size}}" for number, size in zip(numbers, cells, strict=True)) + "  ")
        head.append(shorten(_title(one.leader.video_id, videos), free), style="bold")
        head.append(f"  {format_short_time(one.leader.time)}", style="cyan")
        below = _occurrences(one, videos, width - indent)
        blocks += [head, *(Padding(text, (0, 0, 0, indent), expand=False) for text in below)]
    return Group(*blocks)


def videos(lines: Sequence[VideoLine], *, width: int) -> RenderableType:
    """The videos of a library, one line each."""
    wide = width >= _WIDE_CELLS
    table = _plain_table()
    table.add_column("id", justify="right", style="dim")
    table.add_column("title", style="bold")
    table.add_column("length", justify="right", style="cyan")
    table.add_column("described", justify="right")
    table.add_column("status")
    if wide:
        table.add_column("picture", justify="right", style="dim")
        table.add_column("language", style="dim")
        table.add_column("recorded", style="dim")
    id_cells = max((len(str(line.video.id)) for line in lines), default=2)
    title_cells = max(16, width - id_cells - (73 if wide else 38))
    for line in lines:
        video = line.video
        cells = [
            Text(str(video.id)),
            Text(shorten(one_line(video.title), title_cells)),
            Text(format_length(video)),
            Text(f"{line.described:,}/{line.frames:,}" if line.frames else "-"),
            Text(video.enrichment_status, style="green" if video.enrichment_status == "enriched" else "yellow"),
        ]
        if wide:
            cells += [
                Text(format_size(video)),
                Text(shorten(one_line(video.language or ""), 8)),
                Text(shorten(one_line(format_date(video.recorded_at or "")), 16)),
            ]
        table.add_row(*cells)
    return table


def facts(pairs: Sequence[tuple[str, str]]) -> RenderableType:
    """Names and values, one below the other. A value may wrap within its column."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(name), Text(one_line(value)))
    return table


def timeline(passages: Sequence[Passage]) -> RenderableType:
    """Passages in order of time: when, what kind, and the whole text in its own column."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="cyan", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for passage in passages:
        table.add_row(
            Text(format_range(passage.start, passage.end)), _kinds((passage.kind,)), Text(one_line(passage.text))
        )
    return table


def format_length(video: Video) -> str:
    """How long a video is, `-` for a photo."""
    return format_short_time(video.duration) if video.duration else "-"


def format_size(video: Video) -> str:
    """The size of the picture, `-` for audio."""
    return f"{video.width_px}x{video.height_px}" if video.width_px else "-"


def format_score(value: float) -> str:
    """A score of 0 to 1 as two digits: scores compare within one search, no more precision is in them."""
    return f"{min(99, max(0, round(value * 100))):2d}"


def shorten(text: str, cells: int, *, fill: bool = False) -> str:
    """`text` in at most `cells` columns of a terminal, its middle left out; padded to them with `fill`."""
    if cell_len(text) > cells:
        head = (cells - 1) * 2 // 3
        front = set_cell_size(text, head).rstrip()
        back = set_cell_size(text[::-1], cells - 1 - cell_len(front))[::-1].lstrip()
        text = f"{front}…{back}"
    return set_cell_size(text, cells) if fill else text


def _second_look(look: SecondLook | None) -> list[Text]:
    if look is None:
        return []
    verdict = Text("seen: yes. ", style="green") if look.matches else Text("seen: no. ", style="red")
    return [verdict.append(f"{one_line(look.description)} ({format_short_time(look.time)})", style="default")]


def _explanations(moment: Moment, explanations: Mapping[int, PassageExplanation | FrameExplanation]) -> list[Text]:
    lines = []
    for hit in moment.hits:
        line = Text(f"{format_range(hit.start, hit.end)}  {hit.kind}  {format_score(hit.score)}  ", style="dim")
        lines.append(line.append(format_explanation(explanations.get(hit.key))))
    return lines


def format_explanation(why: PassageExplanation | FrameExplanation | None) -> str:
    """What found a hit, in one line: `words #1, coverage 0.84, weight 1.54; vectors #3, cosine 0.412, z 4.20`."""
    if why is None:
        return "a filter"
    if isinstance(why, FrameExplanation):
        return f"pictures #{why.rank}, cosine {why.cosine:.3f}, z {why.z:.2f}"
    ways = []
    if why.coverage is not None:
        ways.append(f"words #{why.words_rank}, coverage {why.coverage:.2f}, weight {why.words_weight:.2f}")
    if why.cosine is not None and why.z is not None:
        ways.append(f"vectors #{why.meaning_rank}, cosine {why.cosine:.3f}, z {why.z:.2f}")
    elif why.meaning_weight:
        ways.append(f"no vector, weighed as z {why.meaning_weight:.2f}")
    return "; ".join(ways)


def _excerpt(text: str, words: Sequence[str], width: int) -> Text:
    """Two lines of a text, where most of the words stand."""
    line_cells = max(20, min(width, _MAX_TEXT_CELLS))
    whole = one_line(text)
    # Wide scripts take two columns a character; words that wrap leave a little unused.
    per_character = max(1.0, cell_len(whole) / max(1, len(whole)))
    room = int((_TEXT_LINES * line_cells - line_cells // 8) / per_character)
    start, end = best_excerpt(whole, find_matches(whole, words), length=room)
    shown = f"{'… ' if start else ''}{whole[start:end].strip()}{' …' if end < len(whole) else ''}"
    excerpt = Text(shown, overflow="fold")
    for first, last in find_matches(shown, words):
        excerpt.stylize(MATCH_STYLE, first, last)
    return excerpt


def _no_text(moment: Moment) -> Text:
    """What is said of a moment that nobody has said anything of."""
    return Text("looks like it; not described yet" if PassageKind.PICTURE in moment.kinds else "", style="dim")


def _occurrences(cluster: Cluster, videos: Mapping[int, VideoRef], width: int) -> list[Text]:
    """A line for each video, `wedding  0:10 to 0:50, 3:00 and 2 more`, and one that counts those not named."""
    takes: dict[int, list[str]] = {}
    for take in cluster.occurrences:
        takes.setdefault(take.video_id, []).append(format_range(take.start, take.end))
    named = list(takes.items())[:_MAX_NAMED]
    cells = min(width // 2, max(cell_len(_title(video_id, videos)) for video_id, _ in named))
    lines = []
    for video_id, times in named:
        more = f" and {len(times) - _MAX_NAMED:,} more" if len(times) > _MAX_NAMED else ""
        line = Text(shorten(_title(video_id, videos), cells, fill=True), no_wrap=True, overflow="ellipsis", style="dim")
        lines.append(line.append(f"  {', '.join(times[:_MAX_NAMED])}{more}"))
    if len(takes) > len(named):
        lines.append(Text(f"and {len(takes) - len(named):,} more videos", style="dim"))
    return lines


def _title(video_id: int, videos: Mapping[int, VideoRef]) -> str:
    return one_line(videos[video_id].title) if video_id in videos else "?"


def _kinds(kinds: Sequence[PassageKind]) -> Text:
    return Text(", ").join(Text(kind, style=KIND_STYLES[kind]) for kind in kinds)


def _plain_table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.expand = False
    return table
