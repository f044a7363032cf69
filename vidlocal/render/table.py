"""Tables of moments, videos and passages for a terminal, as rich renderables. Pure.

Tables fit the given width, at least 60 columns. Long names are shortened in the middle, because file names differ at
both ends.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from vidlocal.explanations import FrameExplanation, PassageExplanation, SecondLook
from vidlocal.moments import VideoRef
from vidlocal.records import Cluster, Moment, Passage, PassageKind, Video
from vidlocal.render.highlight import best_excerpt, find_matches
from vidlocal.render.sanitize import one_line
from vidlocal.timecode import format_date, format_range, format_short_time

KIND_STYLES = {
    PassageKind.SPEECH: "cyan",
    PassageKind.TRANSLATION: "bright_cyan",
    PassageKind.SUBTITLE: "blue",
    PassageKind.SOUND: "bright_blue",
    PassageKind.SCREEN_TEXT: "yellow",
    PassageKind.CHAPTER: "bright_magenta",
    PassageKind.METADATA: "bright_yellow",
    PassageKind.SCENE: "green",
    PassageKind.ACTION: "magenta",
    PassageKind.SUMMARY: "bright_black",
    PassageKind.NOTE: "bright_red",
    PassageKind.PICTURE: "bright_green",
    PassageKind.TITLE: "bright_black",
}
MATCH_STYLE = "bold underline"
NEAREST_MATCHES = "Nearest matches"
# Longer lines are hard to read, even on a wide terminal.
_MAX_TEXT_CELLS = 110
_MAX_TITLE_CELLS = 60
# Speech with a lower mean probability of its words is often wrong.
_MIN_CONFIDENCE = 0.5
_MAX_SPEAKER_CELLS = 20
_MAX_KINDS_CELLS = 16
_TEXT_LINES = 2
# Below this width a line has room for the important columns only.
_NARROW_CELLS = 60
_WIDE_CELLS = 110
_MAX_NAMED = 4


@dataclass(frozen=True, slots=True)
class VideoLine:
    """A video with its status, the number of captioned frames and of all frames."""

    video: Video
    status: str
    described: int
    frames: int


def moments(
    results: Sequence[Moment],
    words: Sequence[str],
    *,
    width: int,
    links: bool = False,
    explanations: Mapping[int, PassageExplanation | FrameExplanation] | None = None,
    second_looks: Mapping[Moment, SecondLook] | None = None,
    judged: Mapping[Moment, float] | None = None,
    is_confident: bool = True,
) -> RenderableType:
    """Moments by rank: a line with title, time, score and kinds, then the best text with `words` highlighted.

    With `links` titles are links to the files (OSC 8). Below follow the verdict of the second look, if any, and with
    `explanations`, by passage id, the scores of each hit and the probability of `judged`. Without `is_confident` a
    line above says that these are the nearest matches only.
    """
    when = [format_range(moment.start, moment.end) for moment in results]
    titles = [one_line(title) for title in _distinct_titles(results)]
    rank_cells, when_cells = len(str(len(results))), max(map(len, [*when, "when"]))
    narrow = width < _NARROW_CELLS
    kinds_cells = (
        0
        if narrow
        else min(_MAX_KINDS_CELLS, max((cell_len(", ".join(moment.kinds)) for moment in results), default=0))
    )
    found_in = "  found in" if kinds_cells else ""
    kinds_cells = max(kinds_cells, len(found_in) - 2)
    free = width - rank_cells - when_cells - kinds_cells - len("score") - 8
    title_cells = max(12, min(_MAX_TITLE_CELLS, free, max(map(cell_len, [*titles, "video"]))))
    indent = rank_cells + 2
    blocks: list[RenderableType] = [
        *([] if is_confident else [Text(NEAREST_MATCHES, style="yellow")]),
        Text(f"{'':{indent}}{'video':{title_cells}}  {'when':{when_cells}}  score{found_in}", style="dim"),
    ]
    for rank, (moment, title, time) in enumerate(zip(results, titles, when, strict=True), 1):
        head = Text(no_wrap=True, overflow="crop")
        head.append(f"{rank:>{rank_cells}}  ", style="dim")
        head.append_text(_title_cell(moment, title, title_cells, link=links))
        head.append(f"  {time:{when_cells}}  ", style="cyan")
        head.append(f"{format_score(moment.score):>5}  ", style="dim")
        if not narrow:
            head.append_text(_kinds(moment.kinds))
        excerpt = _said(moment, words, width - indent) if moment.text else _no_text(moment)
        below = [
            excerpt,
            *([_kinds(moment.kinds)] if narrow else []),
            *_second_look((second_looks or {}).get(moment)),
            *(_explanations(moment, explanations) if explanations is not None else ()),
            *(_judgement(moment, judged or {}) if explanations is not None else ()),
        ]
        blocks += [head, *(Padding(text, (0, 0, 0, indent), expand=False) for text in below)]
    return Group(*blocks)


def _distinct_titles(results: Sequence[Moment]) -> list[str]:
    """Return the titles of the videos; the file name, then with the folder, where other videos have the same title."""
    paths = {moment.video_id: PurePath(moment.video_path) for moment in results}
    titles = {moment.video_id: moment.video_title for moment in results}
    for count in (1, 2):
        shared = Counter(titles.values())
        titles |= {
            number: "/".join(paths[number].parts[-count:]) for number, title in titles.items() if shared[title] > 1
        }
    return [titles[moment.video_id] for moment in results]


def clusters(groups: Sequence[Cluster], videos: Mapping[int, VideoRef], *, width: int) -> RenderableType:
    """Clusters of frames: a line each with counts and the leader, then the occurrences by video."""
    rank_cells = len(str(len(groups)))
    counts = [
        (f"{cluster.frame_count:,}", f"{len(cluster.occurrences):,}", f"{cluster.video_count:,}") for cluster in groups
    ]
    cells = [max(map(len, column)) for column in zip(*counts, ("frames", "takes", "videos"), strict=True)]
    indent = rank_cells + 2
    free = max(12, width - indent - sum(cells) - 6 - len("  0:00:00"))
    heads = "  ".join(f"{name:>{size}}" for name, size in zip(("frames", "takes", "videos"), cells, strict=True))
    blocks: list[RenderableType] = [Text(f"{'':{indent}}{heads}  looks like", style="dim")]
    for rank, (cluster, numbers) in enumerate(zip(groups, counts, strict=True), 1):
        head = Text(overflow="fold")
        head.append(f"{rank:>{rank_cells}}  ", style="dim")
        head.append("  ".join(f"{number:>{size}}" for number, size in zip(numbers, cells, strict=True)) + "  ")
        head.append(shorten(_title(cluster.leader.video_id, videos), free), style="bold")
        head.append(f"  {format_short_time(cluster.leader.time)}", style="cyan")
        below = _occurrences(cluster, videos, width - indent)
        blocks += [head, *(Padding(text, (0, 0, 0, indent), expand=False) for text in below)]
    return Group(*blocks)


def videos(lines: Sequence[VideoLine], *, width: int) -> RenderableType:
    """Videos of a library, a line each."""
    narrow, wide = width < _NARROW_CELLS, width >= _WIDE_CELLS
    table = _plain_table()
    table.add_column("id", justify="right", style="dim", no_wrap=True)
    table.add_column("title", overflow="fold")
    table.add_column("length", justify="right", style="cyan", no_wrap=True)
    if not narrow:
        table.add_column("captions", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    if wide:
        table.add_column("size", justify="right", style="dim", no_wrap=True)
        table.add_column("language", style="dim", no_wrap=True)
        table.add_column("recorded", style="dim", no_wrap=True)
    titles = Counter(line.video.title for line in lines)
    for line in lines:
        video = line.video
        title = Text(one_line(video.title), style="bold")
        if titles[video.title] > 1:
            title.append(f"\n{one_line(video.path)}", style="not bold dim")
        cells = [
            Text(str(video.id)),
            title,
            Text(format_length(video)),
            *([] if narrow else [Text(f"{line.described:,}/{line.frames:,}" if line.frames else "-")]),
            Text(line.status, style="green" if line.status == "done" else "yellow"),
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
    """Two columns of names and values. Values wrap within their column."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(name), Text(one_line(value)))
    return table


def paragraphs(texts: Sequence[str]) -> RenderableType:
    """Texts as paragraphs of readable width."""
    return Group(*(Text(one_line(text)) for text in texts))


def timeline(passages: Sequence[tuple[Passage, int]]) -> RenderableType:
    """Passages in order of time, with time, kind, full text and, if repeated, the number of repeats.

    Speech of which the model was unsure is dim.
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="cyan", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for passage, count in passages:
        is_unsure = passage.confidence is not None and passage.confidence < _MIN_CONFIDENCE
        text = Text(f"{one_line(passage.speaker)}: " if passage.speaker else "")
        text.stylize("bold")
        text.append(one_line(passage.text), style="dim" if is_unsure else "")
        if count > 1:
            text.append(f"  ×{count}", style="dim")
        table.add_row(Text(format_range(passage.start, passage.end)), _kinds((passage.kind,)), text)
    return table


def format_length(video: Video) -> str:
    """Duration of a video, `-` for a photo."""
    return format_short_time(video.duration) if video.duration else "-"


def format_size(video: Video) -> str:
    """Frame size of a video or photo, `-` for audio."""
    return f"{video.width_px}x{video.height_px}" if video.width_px else "-"


def format_score(value: float) -> str:
    """A score of 0 to 1 with two decimals. Scores are comparable within a search only, without more precision."""
    return f"{min(1.0, max(0.0, value)):.2f}"


def shorten(text: str, cells: int, *, fill: bool = False) -> str:
    """Shorten `text` in the middle to at most `cells` terminal columns; pad to `cells` with `fill`."""
    if cell_len(text) > cells:
        head = (cells - 1) * 2 // 3
        front = set_cell_size(text, head).rstrip()
        back = set_cell_size(text[::-1], cells - 1 - cell_len(front))[::-1].lstrip()
        text = f"{front}…{back}"
    return set_cell_size(text, cells) if fill else text


def _title_cell(moment: Moment, title: str, cells: int, *, link: bool) -> Text:
    text = Text(shorten(title, cells), style="bold")
    if link and os.path.isabs(moment.video_path):
        text.stylize(Style(link=f"file://{quote(os.fsencode(moment.video_path))}"))
    text.append(" " * (cells - cell_len(text.plain)))
    return text


def _second_look(look: SecondLook | None) -> list[Text]:
    if look is None:
        return []
    verdict = Text("seen: yes. ", style="green") if look.matches else Text("seen: no. ", style="red")
    described = f"{one_line(look.description)} " if look.description else ""
    return [verdict.append(f"{described}({format_short_time(look.time)})", style="default")]


def _explanations(moment: Moment, explanations: Mapping[int, PassageExplanation | FrameExplanation]) -> list[Text]:
    lines = []
    for hit in moment.hits:
        line = Text(f"{format_range(hit.start, hit.end)}  {hit.kind}  {format_score(hit.score)}  ", style="dim")
        lines.append(line.append(format_explanation(explanations.get(hit.key))))
    return lines


def _judgement(moment: Moment, judged: Mapping[Moment, float]) -> list[Text]:
    return [Text(f"judged: {judged[moment]:.0%}", style="dim")] if moment in judged else []


def format_explanation(scores: PassageExplanation | FrameExplanation | None) -> str:
    """Scores of a hit in a line: `words #1, coverage 0.84, weight 1.54; vectors #3, cosine 0.412, z 4.20`."""
    if scores is None:
        return "filter or tag"
    if isinstance(scores, FrameExplanation):
        return f"images #{scores.rank}, cosine {scores.cosine:.3f}, z {scores.z:.2f}"
    parts = []
    if scores.coverage is not None:
        parts.append(f"words #{scores.words_rank}, coverage {scores.coverage:.2f}, weight {scores.words_weight:.2f}")
    if scores.cosine is not None and scores.z is not None:
        parts.append(f"vectors #{scores.meaning_rank}, cosine {scores.cosine:.3f}, z {scores.z:.2f}")
    elif scores.meaning_weight:
        parts.append(f"no vector, weighted as z {scores.meaning_weight:.2f}")
    return "; ".join(parts)


def _excerpt(text: str, words: Sequence[str], width: int) -> Text:
    """Two lines of a text with most of the query words."""
    line_cells = max(20, min(width, _MAX_TEXT_CELLS))
    whole = one_line(text)
    # Wide scripts need two columns per character; wrapped words leave some columns unused.
    per_character = max(1.0, cell_len(whole) / max(1, len(whole)))
    room = int((_TEXT_LINES * line_cells - line_cells // 8) / per_character)
    start, end = best_excerpt(whole, find_matches(whole, words), length=room)
    cut = f"{'… ' if start else ''}{whole[start:end].strip()}{' …' if end < len(whole) else ''}"
    excerpt = Text(cut, overflow="fold")
    for first, last in find_matches(cut, words):
        excerpt.stylize(MATCH_STYLE, first, last)
    return excerpt


def _said(moment: Moment, words: Sequence[str], width: int) -> Text:
    """The best part of the text, after the name of its speaker."""
    speaker = next((hit.speaker for hit in moment.hits if hit.text), None)
    name = f"{shorten(one_line(speaker), _MAX_SPEAKER_CELLS)}: " if speaker else ""
    text = _excerpt(moment.text, words, width - cell_len(name))
    return Text(overflow="fold").append(name, style="bold").append_text(text)


def _no_text(moment: Moment) -> Text:
    """Placeholder for a moment without text."""
    label = {PassageKind.PICTURE: "image match, no caption yet", PassageKind.TITLE: one_line(moment.video_path)}
    return Text(next((label[kind] for kind in moment.kinds if kind in label), ""), style="dim")


def _occurrences(cluster: Cluster, videos: Mapping[int, VideoRef], width: int) -> list[Text]:
    """A line for each video, `wedding  0:10 to 0:50, 3:00 and 2 more`, and a count of further videos."""
    by_video: dict[int, list[str]] = {}
    for occurrence in cluster.occurrences:
        by_video.setdefault(occurrence.video_id, []).append(format_range(occurrence.start, occurrence.end))
    listed = list(by_video.items())[:_MAX_NAMED]
    cells = min(width // 2, max(cell_len(_title(video_id, videos)) for video_id, _ in listed))
    lines = []
    for video_id, times in listed:
        more = f" and {len(times) - _MAX_NAMED:,} more" if len(times) > _MAX_NAMED else ""
        line = Text(shorten(_title(video_id, videos), cells, fill=True), no_wrap=True, overflow="ellipsis", style="dim")
        lines.append(line.append(f"  {', '.join(times[:_MAX_NAMED])}{more}"))
    if len(by_video) > len(listed):
        lines.append(Text(f"and {len(by_video) - len(listed):,} more videos", style="dim"))
    return lines


def _title(video_id: int, videos: Mapping[int, VideoRef]) -> str:
    return one_line(videos[video_id].title) if video_id in videos else "?"


def _kinds(kinds: Sequence[PassageKind]) -> Text:
    return Text(", ").join(Text(kind, style=KIND_STYLES[kind]) for kind in kinds)


def listing(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """A table of texts with headings. Long texts wrap, and nothing is cut."""
    table = _plain_table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("\n".join(map(one_line, value.split("\n")))) for value in row))
    return table


def _plain_table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.expand = False
    return table
