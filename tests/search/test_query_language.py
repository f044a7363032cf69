import numpy as np
import pytest

from tests.support.text_videos import add_video, random_rows
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.records import Passage, PassageKind
from vidlocal.search.query_language import foreign_language, model_advice
from vidlocal.search.run import search
from vidlocal.store.content import passages
from vidlocal.store.database import Library


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("wo schneiden sie die Torte an", "German"),
        ("où est-ce que les enfants dansent", "French"),
        ("dónde bailan los niños en la playa", "Spanish"),
        ("gdzie jest moja babcia i co robi", "Polish"),
        ("где танцует бабушка", "another language"),
        ("新娘在哪里跳舞", "another language"),
        ("where does the bride dance", None),
        ("what is he doing in the garden", None),
        ("Hund Strand", None),
        ("Zürich", None),
        ("", None),
    ],
)
def test_language_of_a_query(query: str, language: str | None) -> None:
    assert foreign_language(query) == language


@pytest.mark.parametrize("key", ["all-minilm:latest@0", "nomic-embed-text:latest@0", "mxbai-embed-large:335m@0"])
def test_english_models_have_a_better_one_for_other_languages(key: str) -> None:
    advice = model_advice("wo schneiden sie die Torte an", key)
    assert advice is not None
    assert advice.startswith(f"{key[:-2]} knows only English. To search in German by meaning, run: ")
    assert model_advice("where do they cut the cake", key) is None


@pytest.mark.parametrize("key", ["embeddinggemma:latest@0", "nomic-embed-text-v2-moe@0", "bge-m3@0", "mine@0"])
def test_multilingual_and_unknown_models_have_none(key: str) -> None:
    assert model_advice("wo schneiden sie die Torte an", key) is None


def test_advice_comes_only_where_nothing_fits(library: Library) -> None:
    key = "all-minilm:latest@0123456789ab"
    texts = [f"a scene with number {number}" for number in range(40)]
    _, ids = add_video(
        library, "film", [Passage(9.0 * n, 9.0 * n + 5, PassageKind.SCENE, t) for n, t in enumerate(texts)]
    )
    rows = random_rows(40, dimensions=384)
    passages.store_vectors(library, key, ids, rows)
    other = np.asarray(random_rows(1, dimensions=384, seed=9)[0])

    def notice(query: str, vector: np.ndarray) -> str:
        return search(library, query, query_vector=lambda _: QueryVector(key, tuple(vector.tolist()))).notice or ""

    assert "knows only English" in notice("wo schneiden sie die Torte an", other)
    assert "knows only English" not in notice("wo schneiden sie die Torte an", rows[3])
    assert "knows only English" not in notice("where do they cut the cake", other)
