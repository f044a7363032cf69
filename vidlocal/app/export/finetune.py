"""Corrections as a data set for fine-tuning a vision model, in a new folder.

The format is that of LLaVA's docs/Finetune_Custom_Data.md: a list of samples, each with an `id`, the path of its
`image` below the folder, and a conversation of one question and one answer.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vidlocal.errors import UsageError
from vidlocal.export.finetune_pairs import IMAGE_TOKEN, TRAINABLE_KINDS, PairBuilder, TrainingPair
from vidlocal.media.atomic_write import write_text
from vidlocal.records import Passage, PassageKind, Video
from vidlocal.render.sanitize import to_json
from vidlocal.store.database import Library

SAMPLES, IMAGES = "conversations.json", "images"
_MAX_LISTED = 8


def export_finetune(
    library: Library,
    videos: Sequence[Video],
    kinds: Sequence[PassageKind] | None,
    folder: Path,
    *,
    notify: Callable[[str], None],
) -> None:
    """Write corrected passages and their images to a new or empty folder; without corrections, only notify.

    The list of samples is written last: a folder left by a kill has none. Raises UsageError if the folder is in use.
    """
    _refuse_used(folder)
    pairs = PairBuilder(library)
    corrected = pairs.corrections((video.id for video in videos), kinds or TRAINABLE_KINDS)
    if not corrected:
        notify('No corrected captions yet. Correct one with: vidlocal note --edit ID "NEW CAPTION"')
        return
    samples: list[dict[str, object]] = []
    skipped: list[Passage] = []
    with _new_folder(folder) as images:
        for passage in corrected:
            pair = pairs.build(passage)
            if pair is None:
                skipped.append(passage)
                continue
            _write_image(images / pair.name, pair.jpeg)
            samples.append(_sample(pair))
        if samples:
            write_text(folder / SAMPLES, [to_json(samples, indent=2) + "\n"], overwrite=False)
    _report(samples, skipped, folder, notify)


def _sample(pair: TrainingPair) -> dict[str, object]:
    return {
        "id": f"passage-{pair.passage.id}",
        "image": f"{IMAGES}/{pair.name}",
        "conversations": [
            {"from": "human", "value": f"{IMAGE_TOKEN}\n{pair.question}"},
            {"from": "gpt", "value": pair.passage.text},
        ],
    }


def _report(
    samples: Sequence[dict[str, object]], skipped: Sequence[Passage], folder: Path, notify: Callable[[str], None]
) -> None:
    if skipped:
        named = ", ".join(str(passage.id) for passage in skipped[:_MAX_LISTED]) + (
            ", ..." if len(skipped) > _MAX_LISTED else ""
        )
        notify(
            f"Left out, because there is no picture that can be read or the text holds {IMAGE_TOKEN}: passage {named}."
        )
    if not samples:
        notify("Nothing to write.")
        return
    pictures = len({sample["image"] for sample in samples})
    notify(
        f"Pairs written: {len(samples):,} (pictures: {pictures:,}), to {folder / SAMPLES}. "
        "Next: train a LoRA adapter and run: ollama create mymodel -f Modelfile"
    )


def _refuse_used(folder: Path) -> None:
    """Raise UsageError unless the folder is new or empty."""
    with suppress(NotADirectoryError, FileNotFoundError):
        if not any(folder.iterdir()):
            return
    if os.path.lexists(folder):
        raise UsageError(f"{folder} already exists and is not empty. Choose a new folder.")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Create a folder for images in `folder`.

    Both are removed after a failure, or if they stay empty.
    """
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


def _write_image(path: Path, jpeg: bytes) -> None:
    """Write an image once: a frame may have a description and notes."""
    with suppress(FileExistsError), open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(jpeg)
