"""Decode photos with Pillow. Runs in the child process: decoders may crash, and files may be decompression bombs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from vidlocal.errors import MediaError
from vidlocal.media import diagnose, raw_photo, stream_info
from vidlocal.media.decoded_frame import scaled_size

Values = dict[str, object]

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_EXIF_FOLDER = 0x8769
_EXIF_DATES = (0x9003, 0x9004)  # DateTimeOriginal, DateTimeDigitized
_EXIF_ZONES = (0x9011, 0x9012)
_EXIF_ORIENTATION = 0x0112
_EXIF_MODIFIED = 0x0132
_MIN_SIDEWAYS = 5  # EXIF orientations from 5 on swap width and height
# JPEG is scaled down while decoding: 200 million pixels need little memory. Other formats are decoded whole, and
# progressive JPEG keeps all coefficients.
_MAX_JPEG_PIXELS = 300_000_000
_MAX_PIXELS = 2 * 89_478_485  # Pillow's limit


def is_photo(path: str) -> bool:
    """True if the first bytes are the signature of a photo format."""
    head = _head(path)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return (
        head.startswith(_STARTS)
        or raw_photo.may_be_raw(head)
        or is_webp
        or _brand(head) in (b"avif", b"avis")
        or _is_heif(head)
    )


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(32)


def _brand(head: bytes) -> bytes:
    return head[8:12] if head[4:8] == b"ftyp" else b""


def _is_heif(head: bytes) -> bool:
    return _brand(head) in _HEIF_BRANDS and b"avif" not in head


def read_info(path: str) -> Values:
    """Properties of a photo. Decodes the photo once to verify the data."""
    with _open_image(path) as image:
        width, height = image.size
        recorded_at = _recording_date(image.getexif()) or _raw_date(path)
        decoded, partial = _decode(image, path, 64)
        if image.format != "JPEG":  # JPEG is scaled down now; TIFF is upright now
            width, height = decoded.size
        if decoded.getexif().get(_EXIF_ORIENTATION, 1) >= _MIN_SIDEWAYS:
            width, height = height, width
        return {
            "container": str(image.format).lower(),
            "video_codec": str(image.format).lower(),
            "width_px": width,
            "height_px": height,
            "recorded_at": recorded_at,
            "partial": partial,
        }


def read_pixels(path: str, long_side_px: int) -> tuple[Values, bytes]:
    """Raw RGB pixels of a photo: upright, scaled down to `long_side_px`."""
    with _open_image(path) as image:
        upright = ImageOps.exif_transpose(_decode(image, path, long_side_px)[0])
    size = scaled_size(*upright.size, long_side_px=long_side_px)
    rgb = _to_rgb(upright if upright.size == size else upright.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    return {"width_px": size[0], "height_px": size[1]}, rgb.tobytes()


@contextmanager
def _open_image(path: str) -> Iterator[Image.Image]:
    name = diagnose.file_name(path)
    warnings.simplefilter("ignore")  # Pillow warns from 89 and refuses from 179 million pixels
    try:
        with _open(path) as image:
            yield image
    except Image.DecompressionBombError as error:
        raise MediaError(f"{name}: image too large to be decoded safely.") from error
    except UnidentifiedImageError as error:
        raise MediaError(f"{name}: corrupt or unsupported header.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise MediaError(f"{name}: corrupt, the image cannot be decoded.") from error


def _open(path: str) -> Image.Image:
    """Open a photo, or the preview of a raw photo. Raises DecompressionBombError for too many pixels."""
    preview = raw_photo.find_preview(path)
    Image.MAX_IMAGE_PIXELS = _MAX_JPEG_PIXELS // 2  # Pillow refuses twice as many
    image = Image.open(preview.file if preview else path, formats=_formats(path))
    limit = _MAX_JPEG_PIXELS if image.format == "JPEG" and "progressive" not in image.info else _MAX_PIXELS
    if image.width * image.height > limit:
        raise Image.DecompressionBombError
    if preview is not None and _EXIF_ORIENTATION not in image.getexif():
        image.getexif()[_EXIF_ORIENTATION] = preview.orientation
    return image


def _formats(path: str) -> tuple[str, ...]:
    """Formats Pillow may try. The HEIC reader is loaded for HEIC files only."""
    if not _is_heif(_head(path)):
        return _FORMATS
    try:
        import pi_heif
    except ImportError as error:  # has no wheels for some platforms
        name = diagnose.file_name(path)
        raise MediaError(f"{name}: HEIC support is not installed. Run: pip install pi-heif") from error
    # Turns the image upright and resets the EXIF orientation.
    pi_heif.register_heif_opener(thumbnails=False)
    return ("HEIF",)


def _decode(image: Any, path: str, long_side_px: int) -> tuple[Image.Image, str | None]:
    """Decode an image, scaling JPEG down while decoding. Returns the image and the reason if only a part was read."""
    image.draft("RGB", scaled_size(*image.size, long_side_px=long_side_px))
    try:
        image.load()
    except OSError:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            with _open(path) as again:
                again.draft("RGB", scaled_size(*again.size, long_side_px=long_side_px))
                again.load()
                return again.copy(), "truncated image"
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
    return image, None


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to 8-bit RGB. Transparent areas become white, as in a browser."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")


def _raw_date(path: str) -> str | None:
    """Recording date of a raw photo in TIFF, whose preview has none."""
    try:
        with Image.open(path, formats=("TIFF",)) as image:
            return _recording_date(image.getexif())
    except (OSError, ValueError, SyntaxError, EOFError):
        return None


def _recording_date(exif: Image.Exif) -> str | None:
    folder = exif.get_ifd(_EXIF_FOLDER)
    for tag, zone in zip(_EXIF_DATES, _EXIF_ZONES, strict=True):
        date = stream_info.parse_date(str(folder.get(tag, "")))
        if date is not None:
            offset = str(folder.get(zone, "")).strip("\x00 ")
            return stream_info.parse_date(f"{date}{offset}") or date
    return stream_info.parse_date(str(exif.get(_EXIF_MODIFIED, "")))
