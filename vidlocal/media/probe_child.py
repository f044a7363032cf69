"""The child that opens media files for vidlocal.media.probe, so that a crashing decoder kills nobody else."""

from vidlocal.media import photo_child
from vidlocal.process import serve

Values = dict[str, object]


def handle(request: Values, payload: bytes) -> tuple[Values, bytes]:
    """Answer "probe" (all about a file) and "photo" (its pixels)."""
    path = str(request["path"])
    if request["do"] == "photo":
        return photo_child.read_pixels(path, int(str(request["long_side_px"])))
    if photo_child.is_photo(path):
        return {"photo": True, **photo_child.read_info(path)}, b""
    # Libav is loaded only for films: a folder of photos does without.
    from vidlocal.media import container_child

    return container_child.read(path)


if __name__ == "__main__":
    serve(handle)
