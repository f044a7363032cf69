"""What can be done with the moments of a search beyond listing them: a page, pictures, a player."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.cli.ui import console as output
from vidlocal.errors import UsageError
from vidlocal.records import Moment
from vidlocal.search.run import SearchResult
from vidlocal.store.content import videos
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from rich.text import Text

_PAGE_PX = 320
_THUMB_PX, _THUMB_COLUMNS = 256, 28
_WIDEST_PX = 480


def write_page(library: Library, found: SearchResult, target: Path) -> None:
    """The moments as a page with pictures, in a new file. One that is there is a UsageError."""
    from vidlocal.export.thumbnail import encode_jpeg, thumbnail
    from vidlocal.media.atomic_write import atomic_file
    from vidlocal.render.page import Card, page

    cards = []
    for moment in found.moments:
        image = thumbnail(library, moment.video_id, _best_time(moment), width_px=_PAGE_PX)
        cards.append(Card(moment, None if image is None else encode_jpeg(image)))
    with atomic_file(target, refuse=True) as (draft, _):
        draft.write_text(page(found.query, cards), encoding="utf-8")


def draw_thumbs(library: Library, found: SearchResult, *, how: str) -> None:
    """A picture of each moment on the terminal, with its number; none elsewhere. `how` is the setting `thumbs`."""
    if not output.on_terminal():
        return
    from vidlocal.cli.ui.graphics import Way, graphics
    from vidlocal.export.thumbnail import thumbnail
    from vidlocal.render.sanitize import one_line
    from vidlocal.render.sixel import sixel
    from vidlocal.render.terminal_image import half_blocks, kitty
    from vidlocal.timecode import format_short_time

    console = output.console()
    with graphics(how, os.environ) as drawn:
        if drawn.way is Way.BLOCKS and (console.no_color or console.color_system is None):
            output.notice("No pictures are drawn: here they are made of colours, and the terminal shows none.")
            return
        width_px = min(_WIDEST_PX, _THUMB_COLUMNS * drawn.cell_px) if drawn.way is Way.SIXEL else _THUMB_PX
        blocks = []
        for number, moment in enumerate(found.moments, 1):
            image = thumbnail(library, moment.video_id, _best_time(moment), width_px=width_px)
            if image is None:
                continue
            label = f"{number}  {format_short_time(moment.start)}  {one_line(moment.video_title)}"
            if drawn.way is Way.BLOCKS:
                blocks.append((half_blocks(image, columns=_THUMB_COLUMNS), label))
            elif drawn.way is Way.KITTY:
                _show_picture(kitty(image, columns=_THUMB_COLUMNS), label)
            else:
                _show_picture(sixel(image, width_px=width_px, colours=drawn.colours), label)
        if blocks:
            _show_blocks(blocks)


def _show_picture(escape: str, label: str) -> None:
    from rich.text import Text

    sys.stdout.write(escape + "\n")
    output.show(Text(label))


def _show_blocks(drawn: "Sequence[tuple[Text, str]]") -> None:
    """Pictures of characters side by side."""
    from rich.columns import Columns
    from rich.console import Group
    from rich.text import Text

    groups = []
    for picture, label in drawn:
        caption = Text(label, no_wrap=True, overflow="ellipsis")
        caption.truncate(_THUMB_COLUMNS, overflow="ellipsis")
        groups.append(Group(picture, caption))
    output.show(Columns(groups, padding=(1, 2)))


def open_moment(library: Library, found: SearchResult, number: int, *, player: str | None, quiet: bool) -> None:
    """Play moment `number`, counted from 1, at its time."""
    if number > len(found.moments):
        raise UsageError(f"There is no moment {number}: {len(found.moments)} were found.")
    from vidlocal.cli.ui.player import play

    moment = found.moments[number - 1]
    paths = videos.paths(library, moment.video_id) or [Path(moment.video_path)]
    output.notice(play(paths, moment.start, player=player), quiet=quiet)


def _best_time(moment: Moment) -> float:
    return moment.hits[0].start if moment.hits else moment.start
