"""Vectors of a query: by the embedding model for passages, and by CLIP for frames. With a notice on failure."""

from collections.abc import Callable

from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import EngineError
from vidlocal.records import PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index import vector_index, vector_table
from vidlocal.store.index.search_filter import SearchFilter

# Starts to encode a query by CLIP; the returned function waits for the vector.
PictureVector = Callable[[str], Callable[[], QueryVector]]


def embed_query(
    library: Library, query: str, query_vector: Callable[[str], QueryVector] | None
) -> tuple[QueryVector | None, str | None]:
    """Embed the query if the library has vectors. Returns a notice instead on failure."""
    if query_vector is None or not query.strip():
        return None, None
    keys = vector_index.keys(library)
    if not keys:
        return None, None
    try:
        vector = query_vector(query)
    except EngineError as error:
        return None, f"Word search only. {error}"
    if vector.key not in keys:
        return None, (
            f"Word search only: the vectors of the library come from {', '.join(keys)}, the query's by "
            f"{vector.key}. Run: vidlocal enrich"
        )
    return vector, None


def start_clip_query(
    library: Library, words: str, search_filter: SearchFilter, picture_vector: PictureVector | None
) -> Callable[[], QueryVector] | None:
    """Start the CLIP query in the background. Returns a function to wait for the vector, or None if not applicable."""
    includes_frames = search_filter.kinds is None or PassageKind.PICTURE in search_filter.kinds
    if picture_vector is None or not words.strip() or not includes_frames:
        return None
    if not vector_table.keys(library, vector_table.FRAME_VECTORS):
        return None
    return picture_vector(words)


def finish_clip_query(
    library: Library, clip_query: Callable[[], QueryVector] | None
) -> tuple[QueryVector | None, str | None]:
    """Wait for the CLIP vector. Returns a notice instead if there is none."""
    if clip_query is None:
        return None, None
    try:
        vector = clip_query()
    except EngineError as error:
        return None, f"Images not searched. {error}"
    if vector.key not in vector_table.keys(library, vector_table.FRAME_VECTORS):
        return None, (
            "Images not searched: their vectors come from another model. Run: vidlocal enrich --only pictures"
        )
    return vector, None
