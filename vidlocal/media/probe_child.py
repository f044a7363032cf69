"""Child process of vidlocal.media.probe, to isolate crashes of decoders."""

from vidlocal.media import animation, photo_child
from vidlocal.process import serve

Values = dict[str, object]


def handle(request: Values, payload: bytes) -> tuple[Values, bytes]:
    """Handle the requests "probe" (properties of a file) and "photo" (pixels)."""
    path = str(request["path"])
    if request["do"] == "photo":
        return photo_child.read_pixels(path, int(str(request["long_side_px"])))
    if photo_child.is_photo(path) and not animation.is_animated(path):
        return animation.read_webp(path) or ({"photo": True, **photo_child.read_info(path)}, b"")
    # Photos alone do not need libav.
    from vidlocal.media import container_child

    return container_child.read(path)


if __name__ == "__main__":
    serve(handle)
