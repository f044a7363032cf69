"""`vidlocal people`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, identities, options
from vidlocal.errors import SettingsError, UsageError
from vidlocal.render.sanitize import one_line
from vidlocal.settings import load
from vidlocal.store.content import people, videos
from vidlocal.store.database import Library
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_time

# Listed on a terminal without --all.
_MAX_ROWS = 50
_MAX_PAIRS = 3

_NOUNS = identities.Nouns("person", "people", command="people", part="face")

_USAGE = (
    "Use: start, show NUMBER, name NUMBER NAME, merge NUMBER NUMBER..., split NUMBER VIDEO, not NUMBER VIDEO@TIME, "
    "hide NUMBER, unhide NUMBER, regroup, undo, or forget NUMBER."
)
_NO_CONSENT = "No people: faces are not searched in this library. To find out more, run: vidlocal people start"
_NO_PEOPLE = "No people yet. Run: vidlocal setup --people, then vidlocal enrich --only people"

EXAMPLES = (
    "vidlocal people start                     # read about it and agree, once",
    "vidlocal people --output people.jpg       # numbers and faces on one sheet",
    "vidlocal people name 4 Anna",
    "vidlocal people merge Anna 9              # 9 is Anna, too",
    "vidlocal people not Anna wedding@1:02:03  # this face is somebody else",
)


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="start|show|name|merge|split|not|hide|unhide|regroup|undo|forget",
            help="Change to make. A person is a number or a name; without words, list all people.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a sheet of their faces, a JPEG.")
    ] = None,
    thumbs: Annotated[bool, typer.Option("--thumbs", help="Show the faces in the terminal.")] = False,
    all_people: Annotated[
        bool, typer.Option("--all", help="With forget: all people. In the list: also hidden and rare ones.")
    ] = False,
    force: options.Force = False,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List the people in your videos; name, merge and forget people.

    Face recognition is off until you agree to it for this library (`start`) and install its models (`vidlocal setup
    --people`); then ingest and `vidlocal enrich --only people` find faces and group them. New faces join people or stay
    apart; people are merged only by you. `show` lists when a person is seen. `split` makes the faces in one video
    another person, `not` a single face. `hide` leaves strangers out of lists. `regroup` groups those without a name
    anew. `undo` takes back the last change. `forget` deletes people and their faces, and leaves no trace of them in the
    library file; past searches and reports are deleted, too. Piped, it prints a tab-separated line per person: number,
    name, videos, appearances, seconds.
    """
    action, *arguments = words or [""]
    if all_people and action not in ("", "forget"):
        raise UsageError("--all goes with forget, or with the list.")
    with open_library() as library:
        if action == "start":
            _start(library, arguments, yes=yes, quiet=quiet)
            return
        if action == "forget":
            _forget(library, arguments, all_people=all_people, yes=yes, quiet=quiet)
        elif action == "show":
            _show_faces(library, arguments, json=json)
            return
        elif action:
            console.notice(_change(library, action, arguments), quiet=quiet)
        listed = people.every(library, hidden=all_people)
        if json:
            console.document(_document(library, listed))
        elif not action:
            _list(library, listed, all_people=all_people, thumbs=thumbs, quiet=quiet)
        if output is not None:
            _write_sheet(library, listed, output, force=force, quiet=quiet)


def _document(library: Library, listed: Sequence[people.Person]) -> dict[str, object]:
    from vidlocal.app.people import alike, as_data

    pairs = [
        {"people": [first, second], "cosine": round(cosine, 3)}
        for first, second, cosine in alike(library, limit=_MAX_PAIRS)
    ]
    return {"people": [as_data(person) for person in listed], "alike": pairs}


def _start(library: Library, arguments: Sequence[str], *, yes: bool, quiet: bool) -> None:
    """Show the text of the consent, ask, and store the answer."""
    from vidlocal.app.engines.faces import FORBIDDEN
    from vidlocal.app.people import CONSENT

    if arguments:
        raise UsageError(f"{' '.join(arguments)}: not understood. Use: vidlocal people start")
    if not load().recognize_people:
        raise SettingsError(FORBIDDEN)
    if not people.has_consent(library):
        console.notice(" ".join(CONSENT.split()))
        if not (yes or console.confirm("Find faces in this library?")):
            console.notice("Nothing was changed.", quiet=quiet)
            return
        people.give_consent(library)
    console.notice("Next: vidlocal setup --people, then vidlocal enrich --only people", quiet=quiet)


def _change(library: Library, action: str, arguments: Sequence[str]) -> str:
    """Make a change. Returns a sentence about it. Raises UsageError."""
    sentence = identities.change(people, _NOUNS, library, action, arguments)
    if sentence is not None:
        return sentence
    match action, *arguments:
        case "not", who, place:
            return _reject(library, people.resolve(library, who), place)
        case (("hide" | "unhide"), *who) if who:
            ids = [people.resolve(library, each) for each in who]
            people.hide(library, ids, hidden=action == "hide")
            return f"{pluralize(len(ids), 'person', 'people')} {'hidden' if action == 'hide' else 'shown again'}."
        case ("regroup",):
            from vidlocal.app.people import regroup

            return f"Grouped {pluralize(regroup(library), 'face')} anew."
        case _:
            raise UsageError(f"{' '.join([action, *arguments])}: not understood. {_USAGE}")


def _reject(library: Library, person_id: int, place: str) -> str:
    """Take the faces of a person at a moment away from the person."""
    from vidlocal.search.moment_reference import resolve_moment

    video, time = resolve_moment(library, place)
    faces = people.at(library, video.id, time, time, person_id)
    if not faces:
        raise UsageError(f"Person {person_id} is not seen there. Run: vidlocal people show {person_id}")
    new = people.reject(library, person_id, [face.track_id for face in faces])
    return f"The face is person {new} now. To take it back, run: vidlocal people undo"


def _forget(library: Library, names: Sequence[str], *, all_people: bool, yes: bool, quiet: bool) -> None:
    from vidlocal.app.people import forget

    total = len(people.every(library, hidden=True)) if all_people else None
    delete = partial(forget, library)
    is_done = identities.forget(people, _NOUNS, library, names, delete, total=total, yes=yes, quiet=quiet)
    if is_done and all_people:
        console.notice("Faces are not searched any more before you agree again.", quiet=quiet)


def _show_faces(library: Library, arguments: Sequence[str], *, json: bool) -> None:
    """List the appearances of a person, in order of video and time."""
    if len(arguments) != 1:
        raise UsageError("Name one person: vidlocal people show NUMBER")
    person_id = people.resolve(library, arguments[0])
    faces = sorted(people.faces(library, person_id, limit=-1), key=lambda face: (face.video_id, face.start))
    records = {video_id: videos.get(library, video_id) for video_id in {face.video_id for face in faces}}
    rows = [(face, record) for face in faces if (record := records[face.video_id]) is not None]
    if json:
        spans = [
            {
                "video": {"id": record.id, "title": record.title, "path": record.path},
                "start": face.start,
                "end": face.end,
            }
            for face, record in rows
        ]
        console.document({"person": person_id, "appearances": spans})
    elif console.is_terminal():
        from vidlocal.render.grid import grid

        cells = [
            [record.title, format_time(face.start), format_duration(face.end - face.start)] for face, record in rows
        ]
        console.show(grid(["video", "at", "for"], cells, width=console.rich_console().width, numbers={"at", "for"}))
    else:
        for face, record in rows:
            console.fields(Path(record.path), format_time(face.start), format_time(face.end))


def _list(library: Library, listed: Sequence[people.Person], *, all_people: bool, thumbs: bool, quiet: bool) -> None:
    if not listed:
        console.notice(_NO_PEOPLE if people.has_consent(library) else _NO_CONSENT, quiet=quiet)
        return
    if not console.is_terminal():
        for person in listed:
            counts = (str(person.videos), str(person.tracks), f"{person.seconds:.0f}")
            console.fields(str(person.id), person.name if person.is_named else "", *counts)
        return
    shown = listed if all_people else listed[:_MAX_ROWS]
    if thumbs:
        _draw_thumbs(library, shown)
    else:
        _show(shown)
    if len(shown) < len(listed):
        console.notice(f"{len(listed) - len(shown):,} more, seen less; list them with --all.", quiet=quiet)
    _propose(library, quiet=quiet)


def _show(listed: Sequence[people.Person]) -> None:
    from vidlocal.render.grid import grid

    heads = ["number", "name", "videos", "appearances", "time"]
    rows = [
        [
            str(person.id),
            (person.name if person.is_named else "-") + (" (hidden)" if person.is_hidden else ""),
            f"{person.videos:,}",
            f"{person.tracks:,}",
            format_duration(person.seconds),
        ]
        for person in listed
    ]
    numbers = {"number", "videos", "appearances", "time"}
    console.show(grid(heads, rows, width=console.rich_console().width, numbers=numbers))


def _draw_thumbs(library: Library, listed: Sequence[people.Person]) -> None:
    from vidlocal.cli.ui.present import draw_images
    from vidlocal.export.face_pictures import face_picture

    draw_images(
        (
            (picture, f"{person.id}  {one_line(person.name) if person.is_named else ''}")
            for person in listed
            if person.best is not None and (picture := face_picture(library, person.best)) is not None
        ),
        protocol=load().thumbs,
    )


def _propose(library: Library, *, quiet: bool) -> None:
    from vidlocal.app.people import alike

    for first, second, _ in alike(library, limit=_MAX_PAIRS):
        console.notice(
            f"{first} and {second} look alike. If they are the same: vidlocal people merge {first} {second}",
            quiet=quiet,
        )


def _write_sheet(library: Library, listed: Sequence[people.Person], target: Path, *, force: bool, quiet: bool) -> None:
    from vidlocal.export.face_pictures import people_sheet
    from vidlocal.media.atomic_write import atomic_file

    with atomic_file(target, overwrite=force) as draft:
        draft.write_bytes(people_sheet(library, listed))
    console.notice(f"Wrote {target}", quiet=quiet)
