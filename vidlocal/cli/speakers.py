"""`vidlocal speakers`."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from vidlocal.app.identities import requeue_texts
from vidlocal.app.library import open_library
from vidlocal.app.speakers import alike, forget
from vidlocal.cli.ui import console, identities, options
from vidlocal.errors import UsageError
from vidlocal.store.content import people, speakers
from vidlocal.store.content.speaking_people import likely_people
from vidlocal.store.database import Library
from vidlocal.timecode import format_duration

_MAX_EXAMPLE_CHARS = 60
_MAX_PAIRS = 3

_NOUNS = identities.Nouns("speaker", "speakers", command="speakers", part="voice")

_USAGE = (
    "Use: name NUMBER NAME, merge NUMBER NUMBER..., split NUMBER VIDEO, link NUMBER PERSON, unlink NUMBER, undo, or "
    "forget NUMBER."
)

_NO_SPEAKERS = (
    "No speakers yet. They come from names in transcripts and WebVTT subtitles, and from voices. "
    "Run: vidlocal setup --speakers, then vidlocal enrich --only speakers"
)

EXAMPLES = (
    "vidlocal speakers",
    'vidlocal speakers name 2 "Aunt Mary"',
    "vidlocal speakers merge 2 5          # 5 is the same voice as 2",
    "vidlocal speakers split 2 wedding    # in this video it is somebody else",
    "vidlocal speakers link 2 anna        # 2 is Anna of: vidlocal people",
)


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="name|merge|split|link|unlink|undo|forget",
            help="Change to make. A speaker is a number or a name; without words, list all speakers.",
        ),
    ] = None,
    all_speakers: Annotated[bool, typer.Option("--all", help="With forget: all speakers.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List the speakers in your videos; name, merge and forget speakers.

    Speakers come from names in transcripts and WebVTT subtitles, and from voices if the models for it are installed
    (`vidlocal setup --speakers`). The same name is the same speaker in all videos, until you split them. `link` notes
    that a speaker is a person of `vidlocal people`, whose name the speaker then has. `undo` takes back the last change.
    `forget` deletes speakers, but not what they say, and leaves no trace of them in the library file; past searches and
    reports are deleted, too. Piped, it prints a tab-separated line per speaker: number, name, videos, passages,
    seconds, example.
    """
    action, *arguments = words or [""]
    if all_speakers and action != "forget":
        raise UsageError("--all goes with forget.")
    with open_library() as library:
        if action == "forget":
            total = len(speakers.every(library)) if all_speakers else None
            delete = partial(forget, library)
            identities.forget(speakers, _NOUNS, library, arguments, delete, total=total, yes=yes, quiet=quiet)
        elif action:
            console.notice(_change(library, action, arguments), quiet=quiet)
        listed = speakers.every(library)
        pairs = alike(library, limit=_MAX_PAIRS) if not action else []
        likely = likely_people(library, limit=_MAX_PAIRS) if not action else []
    if json:
        similar = [{"speakers": [first, second], "cosine": round(cosine, 3)} for first, second, cosine in pairs]
        console.document(
            {"speakers": [asdict(speaker) for speaker in listed], "alike": similar, "likely": list(map(asdict, likely))}
        )
    elif not action:
        _show(listed, quiet=quiet)
        for first, second, _ in pairs:
            console.notice(
                f"{first} and {second} sound alike. If they are the same: vidlocal speakers merge {first} {second}",
                quiet=quiet,
            )
        for match in likely:
            console.notice(
                f"{match.speaker_id} speaks while person {match.person_id} is seen. If they are the same: "
                f"vidlocal speakers link {match.speaker_id} {match.person_id}",
                quiet=quiet,
            )


def _change(library: Library, action: str, arguments: Sequence[str]) -> str:
    """Make a change. Returns a sentence about it. Raises UsageError."""
    sentence = identities.change(speakers, _NOUNS, library, action, arguments)
    if sentence is not None:
        return sentence
    match action, *arguments:
        case "link", who, *person if person:
            speaker_id, person_id = speakers.resolve(library, who), people.resolve(library, " ".join(person))
            speakers.link(library, speaker_id, person_id)
            in_texts = requeue_texts(speakers, library, speaker_id)
            return f"Speaker {speaker_id} is person {person_id} now.{identities.IN_TEXTS if in_texts else ''}"
        case "unlink", who:
            speaker_id = speakers.resolve(library, who)
            speakers.link(library, speaker_id, None)
            return f"Speaker {speaker_id} is no person any more."
        case _:
            raise UsageError(f"{' '.join([action, *arguments])}: not understood. {_USAGE}")


def _show(listed: Sequence[speakers.Speaker], *, quiet: bool) -> None:
    if listed and console.is_terminal():
        from vidlocal.render.grid import grid

        heads = ["number", "name", "videos", "time", "example"]
        rows = [
            [
                str(speaker.id),
                speaker.name if speaker.is_named else "-",
                f"{speaker.videos:,}",
                format_duration(speaker.seconds),
                _short(speaker.example),
            ]
            for speaker in listed
        ]
        console.show(grid(heads, rows, width=console.rich_console().width, numbers={"number", "videos", "time"}))
    else:
        for speaker in listed:
            counts = (str(speaker.videos), str(speaker.passages), f"{speaker.seconds:.0f}")
            console.fields(str(speaker.id), speaker.name if speaker.is_named else "", *counts, speaker.example)
    if not listed:
        console.notice(_NO_SPEAKERS, quiet=quiet)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_EXAMPLE_CHARS else f"{text[: _MAX_EXAMPLE_CHARS - 1]}…"
