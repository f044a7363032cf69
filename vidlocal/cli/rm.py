"""`vidlocal rm`."""

from typing import Annotated

import typer

from vidlocal.app.enrich import run_log
from vidlocal.app.library import open_library
from vidlocal.app.search import last_results
from vidlocal.cli.ui import console, options
from vidlocal.organize import journal
from vidlocal.store.content import frames, passages, videos
from vidlocal.text import pluralize

EXAMPLES = ("vidlocal rm wedding --dry-run", "vidlocal rm 12", "vidlocal rm 12 --purge --yes")


def command(
    video: options.VideoName,
    yes: options.Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the video that would be removed.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Leave no trace: also delete past searches, reports and the log.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Remove a video from the library. Its file stays.

    Asks for confirmation; declining exits with 0. After --purge, `organize --undo` has nothing to undo.
    """
    with open_library() as library:
        if purge and not dry_run and videos.finish_purge(library):
            console.notice("Finished an interrupted deletion. No trace is left.", quiet=quiet)
        record = videos.resolve(library, video)
        frame_count = frames.coverage(library, record.id).total
        passage_count = len(passages.of_video(library, record.id))
        description = f"video {record.id} ({record.title}) "
        description += f"with {pluralize(frame_count, 'frame')} and {pluralize(passage_count, 'passage')}"
        is_removed = not dry_run and (yes or console.confirm(f"Remove {description} from the library?"))
        if is_removed and purge:
            run_log.forget(library.folder)
            last_results.forget_all(library.folder)
            journal.purge(library.folder)
        if is_removed:
            videos.remove(library, record.id, purge=purge)
    if json:
        console.document(
            {
                "video": {"id": record.id, "title": record.title, "path": record.path},
                "frames": frame_count,
                "passages": passage_count,
                "removed": is_removed,
                "purged": is_removed and purge,
            }
        )
    verb = "Would remove" if dry_run else "Removed" if is_removed else "Kept"
    console.notice(f"{verb} {description}.", quiet=quiet)
