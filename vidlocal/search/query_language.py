"""Language of a query, and the languages of embedding models. Pure."""

from vidlocal.engines.prompts.vision_prompts import knows_only_english
from vidlocal.folding import fold
from vidlocal.store.index.stop_words import of_languages
from vidlocal.store.index.tokenizer import words

MULTILINGUAL_MODEL = "embeddinggemma"

_NAMES = {
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "sv": "Swedish",
    "da": "Danish",
    "no": "Norwegian",
    "pl": "Polish",
}
_LAST_LATIN_LETTER = "\u024f"


def foreign_language(query: str) -> str | None:
    """Return the name of the language of a query, `another language` for other scripts, None for English or unknown.

    Function words decide: the language with most of them, if English has less.
    """
    tokens = list(words(fold(query)))
    letters = [letter for letter in query if letter.isalpha()]
    if 2 * sum(letter > _LAST_LATIN_LETTER for letter in letters) > len(letters):
        return "another language"
    counts = {code: sum(token in of_languages(frozenset({code})) for token in tokens) for code in ("en", *_NAMES)}
    best = max(_NAMES, key=lambda code: counts[code])
    return _NAMES[best] if counts[best] > counts["en"] else None


def model_advice(query: str, model_key: str) -> str | None:
    """Recommend a model for the language of a query, None for a suitable or unknown current model."""
    if not knows_only_english(model_key):
        return None
    language = foreign_language(query)
    if language is None:
        return None
    return (
        f"{model_key.split('@')[0]} knows only English. To search in {language} by meaning, run: "
        f"vidlocal config embed_model {MULTILINGUAL_MODEL} && vidlocal enrich"
    )
