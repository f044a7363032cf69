"""Detect the encoding of text files, mostly subtitles, and decode."""

import codecs
from collections import Counter

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Non-ASCII letters of the languages of each single-byte code page, most likely first. The code page is the one in which
# nearly all non-ASCII letters belong to one language. charset-normalizer alone mistakes French for cp1250 and Polish
# for cp1252 in texts as short as subtitles.
_ALPHABETS = (
    ("cp1252", "äöüß"),
    ("cp1252", "áéíñóúü"),
    ("cp1252", "àâæçéèêëîïôœùûüÿ"),
    ("cp1252", "àèéìíîòóù"),
    ("cp1252", "ãáâàçéêíõóôú"),
    ("cp1252", "åäöæøé"),
    ("cp1252", "áðéíóúýþæö"),
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áčďéěíňóřšťúůýž"),
    ("cp1250", "áäčďéíĺľňóôŕšťúýž"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1250", "ăâîşţ"),
    ("cp1250", "čćđšž"),
    ("cp1254", "âçğıîöşüû"),
    ("cp1257", "āčēģīķļņšūž"),
    ("cp1257", "ąčęėįšųūž"),
    ("cp1257", "äõöüšž"),
    ("cp1255", "אבגדהוזחטיךכלםמןנסעףפץצקרשת"),  # before cp1251: it too has letters on these bytes, and more
    ("cp1251", "абвгдежзийклмнопрстуфхцчшщъыьэюяё"),
    ("cp1251", "абвгдежзийклмнопрстуфхцчшщьюяєіїґ"),
    ("cp1251", "абвгдђежзијклљмнњопрстћуфхцчџш"),
    ("koi8_r", "абвгдежзийклмнопрстуфхцчшщъыьэюяё"),
    ("cp1253", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"),
    ("cp1256", "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگک،؟"),
)
_PUNCTUATION = frozenset("«»“”„‘’‚‹›…–—¡¿°©®™€£·•\xa0\xad\u200e\u200f")
_MIN_SHARE = 0.95

# charset-normalizer is reliable for multi-byte and Thai code pages.
_DETECTABLE_PAGES = ["cp932", "euc_jp", "gb18030", "big5", "cp949", "cp874", "koi8_r", "cp1251", "cp1253", "cp1255"]

# The encoding is guessed from this much, then used for the whole text.
_SAMPLE_BYTES = 100_000


def decode(data: bytes) -> str:
    """Decode text in any common encoding. Invalid bytes become U+FFFD."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    wide = _wide_encoding(data[:_SAMPLE_BYTES])
    if wide:
        return data.decode(wide, "replace")
    text = data.decode("utf-8", "replace")
    if _is_utf8(text):
        return text
    sample = data[:_SAMPLE_BYTES]
    return data.decode(_by_alphabet(sample) or _by_statistics(sample) or "cp1252", "replace")


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without a byte order mark, detected by the zero bytes of ASCII digits, frequent in subtitles."""
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > half * 0.2:
        return "utf-16-le"
    return "utf-16-be" if sample[0::2].count(0) > half * 0.2 else None


def _is_utf8(text: str) -> bool:
    """True for UTF-8, even with a few damaged characters."""
    broken = text.count("\ufffd")
    return broken == 0 or broken * 3 < sum(character > "\x7f" for character in text)


def _by_alphabet(sample: bytes) -> str | None:
    best, best_share = None, _MIN_SHARE
    for encoding in dict.fromkeys(encoding for encoding, _ in _ALPHABETS):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        foreign = Counter(_foreign_letters(text))
        if not foreign:
            return encoding  # typographic quotes and dashes only
        for letters in (letters for page, letters in _ALPHABETS if page == encoding):
            share = sum(foreign[letter] for letter in letters) / foreign.total()
            if share > best_share or (share == best_share and best is None):
                best, best_share = encoding, share
    return best


def _foreign_letters(text: str) -> list[str]:
    """All non-ASCII letters, lower-cased at plausible places for a capital: a word start or after another capital."""
    letters = []
    before = " "
    for character in text:
        if character > "\x7f" and character not in _PUNCTUATION:
            may_be_capital = not before.isalpha() or before.isupper()
            letters.append(character.lower() if may_be_capital else character)
        before = character
    return letters


def _by_statistics(sample: bytes) -> str | None:
    import charset_normalizer

    match = charset_normalizer.from_bytes(sample, cp_isolation=_DETECTABLE_PAGES).best()
    return None if match is None else match.encoding
