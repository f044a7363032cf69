"""Decode photos with Pillow. Runs in the child process: decoders may crash, and files may be decompression bombs."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from PIL import ExifTags, Image, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.media.decoded_frame import scaled_size
from vidlocal.media.encodings import decode
from vidlocal.media.probe import diagnose, raw_photo, stream_info

Values = dict[str, object]

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_EXIF_FOLDER = 0x8769
_EXIF_DATES = (0x9003, 0x9004)  # DateTimeOriginal, DateTimeDigitized
_EXIF_ZONES = (0x9011, 0x9012)
_EXIF_ORIENTATION = 0x0112
_EXIF_MODIFIED = 0x0132
_EXIF_MAKE, _EXIF_MODEL = 0x010F, 0x0110
_MIN_SIDEWAYS = 5  # EXIF orientations from 5 on swap width and height
# JPEG is scaled down while decoding: 200 million pixels need little memory. Other formats are decoded whole, and
# progressive JPEG keeps all coefficients.
_MAX_JPEG_PIXELS = 300_000_000
_MAX_PIXELS = 2 * 89_478_485  # Pillow's limit
# Decoders of these formats hold several copies of the image: up to 1 GB.
_MAX_PIXELS_OF = {"WEBP": 50_000_000, "AVIF": 100_000_000, "HEIF": 120_000_000}
_MAX_TIFF_BYTES = 900 << 20
_TIFF_BITS_PER_SAMPLE, _TIFF_ROWS_PER_STRIP, _TIFF_TILE_HEIGHT = 258, 278, 323
_BAND_ROWS = 256
_MAX_XMP_BYTES = 4 << 20
# Texts in a PNG, such as the history of an image editor. Pillow refuses an image with more than 1 MB.
_MAX_PNG_TEXT_BYTES = 64 << 20


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
        exif = image.getexif()
        recorded_at = _recording_date(exif) or _raw_date(path)
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
            "location": _location(exif),
            "camera": stream_info.camera_name(str(exif.get(_EXIF_MAKE, "")), str(exif.get(_EXIF_MODEL, ""))),
            "xmp": _xmp(image),
            "partial": partial,
        }


def _xmp(image: Image.Image) -> str | None:
    """The XMP packet of a photo."""
    packet = image.info.get("xmp")
    return decode(packet) if isinstance(packet, bytes) and len(packet) <= _MAX_XMP_BYTES else None


def _location(exif: Image.Exif) -> GeoPoint | None:
    """Coordinates in the GPS tags of EXIF: degrees, minutes and seconds, with a letter for the half of the globe."""
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    try:
        latitude, longitude = (
            (-1 if str(gps[tag]).strip().upper() in ("S", "W") else 1)
            * sum(float(part) / 60**position for position, part in enumerate(gps[tag + 1]))
            for tag in (ExifTags.GPS.GPSLatitudeRef, ExifTags.GPS.GPSLongitudeRef)
        )
    except (LookupError, TypeError, ValueError, ZeroDivisionError):
        return None
    return GeoPoint.checked(latitude, longitude)


def read_pixels(path: str, long_side_px: int) -> tuple[Values, bytes]:
    """Raw RGB pixels of a photo: upright, scaled down to `long_side_px`."""
    with _open_image(path) as image:
        decoded = _decode(image, path, long_side_px)[0]
        small = _reduced_rgb(decoded, scaled_size(*decoded.size, long_side_px=long_side_px))
        small.getexif()[_EXIF_ORIENTATION] = decoded.getexif().get(_EXIF_ORIENTATION, 1)
    upright = ImageOps.exif_transpose(small)
    return {"width_px": upright.width, "height_px": upright.height}, upright.tobytes()


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
    except (OSError, ValueError, TypeError, SyntaxError, EOFError) as error:
        raise MediaError(f"{name}: corrupt, the image cannot be decoded.") from error


def _open(path: str) -> Image.Image:
    """Open a photo, or the preview of a raw photo. Raises DecompressionBombError for too many pixels."""
    preview = raw_photo.find_preview(path)
    Image.MAX_IMAGE_PIXELS = _MAX_JPEG_PIXELS // 2  # Pillow refuses twice as many
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MAX_PNG_TEXT_BYTES
    image = Image.open(preview.file if preview else path, formats=_formats(path))
    if image.width * image.height > _max_pixels(image):
        raise Image.DecompressionBombError
    if preview is not None and _EXIF_ORIENTATION not in image.getexif():
        image.getexif()[_EXIF_ORIENTATION] = preview.orientation
    return image


def _max_pixels(image: Image.Image) -> int:
    """Maximum number of pixels decodable within 1 GB."""
    if image.format == "JPEG" and "progressive" not in image.info:
        return _MAX_JPEG_PIXELS
    if image.format == "TIFF":
        return min(_MAX_PIXELS, _max_tiff_pixels(image))
    return _MAX_PIXELS_OF.get(str(image.format), _MAX_PIXELS)


def _max_tiff_pixels(image: Any) -> int:
    """The decoder holds a whole strip or row of tiles beside the image of 4 bytes per pixel."""
    rows = int(image.tag_v2.get(_TIFF_TILE_HEIGHT) or image.tag_v2.get(_TIFF_ROWS_PER_STRIP) or image.height)
    strip_bytes = min(rows, image.height) * image.width * sum(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (8,))) / 8
    return int(max(0, _MAX_TIFF_BYTES - strip_bytes) / 4)


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
                return _in_8_bits(again.copy()), "truncated image"
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
    return _in_8_bits(image), None


def _in_8_bits(image: Any) -> Image.Image:
    """Scale an image with 32 bits per pixel from its darkest to its brightest value; return others unchanged."""
    if image.mode not in ("I", "F"):
        return cast("Image.Image", image)
    darkest, brightest = image.getextrema()
    scale = 255.0 / (brightest - darkest) if math.isfinite(brightest - darkest) and brightest > darkest else 0.0
    return cast("Image.Image", image.point(lambda value: value * scale - darkest * scale).convert("L"))


def _reduced_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale an image down to 8-bit RGB, band by band: a conversion of the whole would take several times its memory."""
    if image.width * image.height <= _BAND_ROWS * _BAND_ROWS or image.size == size:
        rgb = _to_rgb(image)
        return rgb if rgb.size == size else rgb.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    factor = max(1, min(image.width // (2 * size[0]), image.height // (2 * size[1])))
    rows = max(1, _BAND_ROWS // factor) * factor
    reduced = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        band = _to_rgb(image.crop((0, top, image.width, min(top + rows, image.height))))
        reduced.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return reduced.resize(size, Image.Resampling.BOX)


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
    """Recording date of a raw photo in TIFF; the preview has none."""
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
