"""Present moments of a search as a web page, as thumbnails, or in a player."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.cli.ui import console
from vidlocal.errors import UsageError
from vidlocal.records import Moment
from vidlocal.search.run import SearchResult
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.text import Text

_PAGE_PX = 320
_THUMB_PX, _THUMB_COLUMNS = 256, 28
_MAX_WIDTH_PX = 480


def write_page(library: Library, result: SearchResult, target: Path, *, force: bool) -> None:
    """Write a page with the moments and thumbnails. Raises UsageError if the file exists, unless `force`."""
    from vidlocal.export.thumbnail import encode_jpeg, thumbnail
    from vidlocal.media.atomic_write import atomic_file
    from vidlocal.render.page import Card, page

    cards = []
    for moment in result.moments:
        image = thumbnail(library, moment.video_id, _best_time(moment), width_px=_PAGE_PX)
        cards.append(Card(moment, None if image is None else encode_jpeg(image)))
    with atomic_file(target, overwrite=force) as draft:
        draft.write_text(page(result.query, cards, is_confident=result.is_confident), encoding="utf-8")


def draw_thumbs(library: Library, result: SearchResult, *, protocol: str) -> None:
    """Draw numbered thumbnails of the moments, on a terminal only. `protocol`: the setting `thumbs`."""
    from vidlocal.export.thumbnail import thumbnail
    from vidlocal.render.sanitize import one_line
    from vidlocal.timecode import format_short_time

    draw_images(
        (
            (image, f"{number}  {format_short_time(moment.start)}  {one_line(moment.video_title)}")
            for number, moment in enumerate(result.moments, 1)
            if (image := thumbnail(library, moment.video_id, _best_time(moment), width_px=_MAX_WIDTH_PX)) is not None
        ),
        protocol=protocol,
    )


def draw_images(images: "Iterable[tuple[Image, str]]", *, protocol: str) -> None:
    """Draw images with a line below each, on a terminal only. `protocol`: the setting `thumbs`."""
    if not console.is_terminal():
        return
    from vidlocal.cli.ui.graphics import GraphicsProtocol, detect_graphics
    from vidlocal.render.sixel import sixel
    from vidlocal.render.terminal_image import half_blocks, kitty

    terminal = console.rich_console()
    with detect_graphics(protocol, os.environ) as graphics:
        is_blocks, is_sixel = (graphics.protocol is kind for kind in (GraphicsProtocol.BLOCKS, GraphicsProtocol.SIXEL))
        if is_blocks and (terminal.no_color or terminal.color_system is None):
            console.notice("No thumbnails: the terminal supports neither images nor colours.")
            return
        width_px = min(_MAX_WIDTH_PX, _THUMB_COLUMNS * graphics.cell_px) if is_sixel else _THUMB_PX
        blocks = []
        for image, label in images:
            image.thumbnail((width_px, width_px))
            if is_blocks:
                blocks.append((half_blocks(image, columns=_THUMB_COLUMNS), label))
            elif is_sixel:
                _show_image(sixel(image, width_px=width_px, colours=graphics.colours), label)
            else:
                _show_image(kitty(image, columns=_THUMB_COLUMNS), label)
        if blocks:
            _show_blocks(blocks)


def _show_image(escape: str, label: str) -> None:
    from rich.text import Text

    sys.stdout.write(escape + "\n")
    console.show(Text(label))


def _show_blocks(blocks: "Sequence[tuple[Text, str]]") -> None:
    """Print images of block characters side by side."""
    from rich.columns import Columns
    from rich.console import Group
    from rich.text import Text

    groups = []
    for image, label in blocks:
        caption = Text(label, no_wrap=True, overflow="ellipsis")
        caption.truncate(_THUMB_COLUMNS, overflow="ellipsis")
        groups.append(Group(image, caption))
    console.show(Columns(groups, padding=(1, 2)))


def play_moment(library: Library, result: SearchResult, number: int, *, player: str | None, quiet: bool) -> None:
    """Play moment `number`, counted from 1."""
    if number > len(result.moments):
        raise UsageError(f"No result {number}: the search has {pluralize(len(result.moments), 'result')}.")
    from vidlocal.app.player import play
    from vidlocal.export.sources import verified_path

    moment = result.moments[number - 1]
    video = videos.get(library, moment.video_id)
    path = Path(moment.video_path) if video is None else verified_path(library, video)
    console.notice(play(path, moment.start, player=player), quiet=quiet)


def _best_time(moment: Moment) -> float:
    return moment.hits[0].start if moment.hits else moment.start
