"""Corrections as a data set to fine-tune a vision model with, in a folder of its own.

The format is that of LLaVA's docs/Finetune_Custom_Data.md: a list of samples, each with an `id`, the path of its
`image` below the folder, and a conversation of one question and one answer.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vidlocal.cli.ui import console, new_file
from vidlocal.errors import UsageError
from vidlocal.export.finetune_pairs import IMAGE_SIGN, KINDS, Pair, Pairs
from vidlocal.records import Passage, PassageKind, Video
from vidlocal.render.sanitize import to_json
from vidlocal.store.database import Library

SAMPLES, IMAGES = "conversations.json", "images"
_NAMED = 8


def write(
    library: Library, videos: Sequence[Video], kinds: Sequence[PassageKind] | None, folder: Path, *, quiet: bool
) -> None:
    """Write what a person corrected in these videos to a new or empty folder. Nothing corrected: a sentence, no folder.

    The samples come last: a folder that was left half done, by a kill say, has none.
    """
    _refuse_taken(folder)
    found = Pairs(library)
    corrected = found.corrected((video.id for video in videos), kinds or KINDS)
    if not corrected:
        console.notice(
            "Nothing is corrected yet, so there is nothing to fine-tune with. Correct what a model wrote with: "
            'vidlocal note --edit ID "what is to be seen"',
            quiet=quiet,
        )
        return
    samples: list[dict[str, object]] = []
    left: list[Passage] = []
    with _new_folder(folder) as images:
        for passage in corrected:
            pair = found.pair(passage)
            if pair is None:
                left.append(passage)
                continue
            _keep(images / pair.name, pair.jpeg)
            samples.append(_sample(pair))
        if samples:
            new_file.write([to_json(samples, indent=2) + "\n"], folder / SAMPLES)
    _tell(samples, left, folder, quiet=quiet)


def _sample(pair: Pair) -> dict[str, object]:
    return {
        "id": f"passage-{pair.passage.id}",
        "image": f"{IMAGES}/{pair.name}",
        "conversations": [
            {"from": "human", "value": f"{IMAGE_SIGN}\n{pair.question}"},
            {"from": "gpt", "value": pair.passage.text},
        ],
    }


def _tell(samples: Sequence[dict[str, object]], left: Sequence[Passage], folder: Path, *, quiet: bool) -> None:
    if left:
        named = ", ".join(str(passage.id) for passage in left[:_NAMED]) + (", ..." if len(left) > _NAMED else "")
        console.notice(
            f"Left out, because there is no picture that can be read or the text holds {IMAGE_SIGN}: passage {named}."
        )
    if not samples:
        console.notice("So there is nothing to write.", quiet=quiet)
        return
    pictures = len({sample["image"] for sample in samples})
    console.notice(
        f"Pairs written: {len(samples):,} (pictures: {pictures:,}), to {folder / SAMPLES}. "
        "Next: train a LoRA with them, and make a model of it: ollama create mymodel -f Modelfile",
        quiet=quiet,
    )


def _refuse_taken(folder: Path) -> None:
    """UsageError for anything that is there but an empty folder."""
    with suppress(NotADirectoryError, FileNotFoundError):
        if not any(folder.iterdir()):
            return
    if os.path.lexists(folder):
        raise UsageError(f"{folder} is there already and not an empty folder. Name a new one; nothing is overwritten.")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A new folder for images in `folder`. Both are gone again after a failure, or when nothing was put there."""
    missing = not folder.exists()
    images = folder / IMAGES
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        images.mkdir(mode=0o700)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}). Name another folder.") from error
    try:
        yield images
    except BaseException:
        shutil.rmtree(images, ignore_errors=True)
        raise
    finally:
        for empty in (images, folder) if missing else (images,):
            with suppress(OSError):
                empty.rmdir()


def _keep(path: Path, jpeg: bytes) -> None:
    """Write a picture, once: a frame may have a description and notes."""
    with suppress(FileExistsError), open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(jpeg)
