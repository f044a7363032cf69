"""Pictures of faces, cut from stored frames, and a sheet of the people of a library."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vidlocal.engines import jpeg as images
from vidlocal.errors import MediaError
from vidlocal.store.content import frame_images, frames
from vidlocal.store.content.people import Person, SeenFace
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE_PX = 160
# Part of the larger side of a face that is shown around it on each side.
_MARGIN = 0.35
_COLUMNS = 6
_CAPTION_PX = 24


def face_picture(library: Library, face: SeenFace, *, side_px: int = SIDE_PX) -> "Image | None":
    """Return a face with some of its surroundings, a square RGB image; None without a readable image."""
    from PIL import Image

    frame = frames.get(library, face.frame_id)
    try:
        picture = None if frame is None else images.decode(frame_images.read(library, frame))
    except MediaError:
        return None
    if picture is None:
        return None
    width, height = face.width * picture.width, face.height * picture.height
    half = max(width, height) * (0.5 + _MARGIN)
    x, y = face.x * picture.width + width / 2, face.y * picture.height + height / 2
    # Outside of the frame it is black.
    return picture.crop((round(x - half), round(y - half), round(x + half), round(y + half))).resize(
        (side_px, side_px), Image.Resampling.BICUBIC
    )


def people_sheet(library: Library, listed: Sequence[Person]) -> bytes:
    """Draw the best picture of each person with number and name on a JPEG, in rows of six."""
    from PIL import Image, ImageDraw, ImageFont

    columns = min(_COLUMNS, max(1, len(listed)))
    rows = -(-len(listed) // columns)
    sheet = Image.new("RGB", (columns * SIDE_PX, max(1, rows) * (SIDE_PX + _CAPTION_PX)), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=14)
    for position, person in enumerate(listed):
        left, top = position % columns * SIDE_PX, position // columns * (SIDE_PX + _CAPTION_PX)
        picture = None if person.best is None else face_picture(library, person.best)
        if picture is not None:
            sheet.paste(picture, (left, top))
        caption = f"{person.id} {person.name}" if person.is_named else str(person.id)
        draw.text((left + 4, top + SIDE_PX + 3), caption[:24], font=font, fill=(0, 0, 0))
    return images.encode(sheet)
