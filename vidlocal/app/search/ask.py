"""Evidence for an answer, with the engines of the settings."""

from collections.abc import Collection
from functools import partial

from vidlocal.app.search.rerank import rerank_by_text
from vidlocal.app.search.run import advice, embed_query, limit_blas_threads
from vidlocal.search.ask import Evidence, gather_evidence
from vidlocal.settings import Settings
from vidlocal.store.database import Library


def find_evidence(
    library: Library, settings: Settings, question: str, *, videos: Collection[int] | None = None
) -> Evidence:
    """Search for evidence, reranked by the text model. `videos` (ids) filter; without evidence the notice says why."""
    limit_blas_threads()
    evidence = gather_evidence(
        library,
        question,
        num_ctx=settings.num_ctx,
        videos=videos,
        query_vector=partial(embed_query, settings),
        rerank=partial(rerank_by_text, library, settings),
    )
    if evidence.moments or evidence.notice is not None:
        return evidence
    return Evidence((), advice(library, question))
