"""Child process of vidlocal.media.probe.prober, to isolate crashes of decoders."""

from vidlocal.media.probe import animation, photo_child
from vidlocal.process import serve

Values = dict[str, object]


def handle(request: Values, payload: bytes) -> tuple[Values, bytes]:
    """Handle the requests "probe" (properties), "check" (media or not), "formats" (by the header), "photo" (pixels)."""
    path = str(request["path"])
    if request["do"] == "photo":
        return photo_child.read_pixels(path, int(str(request["long_side_px"])))
    if request["do"] == "check" and photo_child.is_photo(path):
        return {}, b""
    if request["do"] != "formats" and photo_child.is_photo(path) and not animation.is_animated(path):
        return animation.read_webp(path) or ({"photo": True, **photo_child.read_info(path)}, b"")
    # Photos alone do not need libav.
    from vidlocal.media.probe import container_child

    if request["do"] == "check":
        container_child.require_streams(path)
        return {}, b""
    if request["do"] == "formats":
        return container_child.read_formats(path), b""
    return container_child.read(path)


if __name__ == "__main__":
    serve(handle)
