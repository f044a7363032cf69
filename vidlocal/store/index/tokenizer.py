"""Tokenizer of the text index."""

import re
from collections.abc import Iterator

from vidlocal.folding import is_word_character

# Thai, Lao, Tibetan, Burmese, Khmer; kana and CJK ideographs with their extensions; symbols and emoji.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\u2600-\u27bf\U0001f000-\U0001faff\U00020000-\U0003ffff]+"
)


# Tokenizer of `passage_words`, for texts of a query's own.
FTS5_TOKENIZER = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"


def words(text: str) -> Iterator[str]:
    """Yield the tokens: runs of unspaced script, or of letters, digits and marks. Other characters separate tokens."""
    for chunk in re.split(f"({UNSPACED.pattern})", text):
        if UNSPACED.fullmatch(chunk):
            yield chunk
        else:
            yield from "".join(letter if is_word_character(letter) else " " for letter in chunk).split()
