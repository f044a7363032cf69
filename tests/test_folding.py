"""Spellings of a word fold to a common form; distinctive letters stay."""

import random
import sys
import unicodedata

import pytest

from vidlocal.folding import differing_fold, fold, fold_with_offsets


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("José CAFÉ", "jose cafe"),
        ("Straße STRASSE Maẞ", "strasse strasse mass"),
        ("Łódź Ørsted Đorđe Þór Æsir œuvre", "lodz orsted dorde thor aesir oeuvre"),
        ("İstanbul ISPARTA ısparta", "istanbul isparta isparta"),
        ("ΟΔΟΣ οδός ὥρα", "οδοσ οδοσ ωρα"),
        ("Ёлка за́мок", "елка замок"),
        ("العَرُوسُ مـــرحبا الأولاد مدرسة على", "العروس مرحبا الاولاد مدرسه علي"),
        ("کتابی", "كتابي"),
        ("می‌خواهم", "ميخواهم"),
        ("שָׁלוֹם", "שלום"),
        ("ज़िंदगी चाँद", "जिंदगी चांद"),
        ("ＡＢＣ ﾃﾞｰﾀ", "abc データ"),
        ("Hoch\xadzeit \ufb01lm", "hochzeit film"),
        (unicodedata.normalize("NFD", "할머니 Noël"), "할머니 noel"),
        ("٣٤ ३४", "34 34"),
        ("婚禮後頭髮亂了，臺灣", "婚礼后头发乱了,台湾"),
        ("薴", "苎"),
    ],
)
def test_spellings_fold_to_one_form(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("one", "other"), [("мой", "мои"), ("їжа", "іжа"), ("が", "か"), ("パ", "ハ"), ("บ้าน", "บาน"), ("शादी", "शादा")]
)
def test_marks_that_make_another_letter_stay(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert fold(unicodedata.normalize("NFD", one)) == fold(one)


def test_folding_twice_changes_nothing() -> None:
    letters = map(chr, range(sys.maxunicode + 1))
    assert [letter for letter in letters if fold(fold(letter)) != fold(letter)] == []


def test_offsets_lead_back_to_the_letters_of_any_text() -> None:
    chance = random.Random(1)
    letters = [chr(code) for code in range(0x30000) if unicodedata.category(chr(code))[0] in "LMNPSZ"]
    for _ in range(2_000):
        text = "".join(chance.choices(letters, k=6))
        folded, offsets = fold_with_offsets(text)
        assert folded == fold(text)
        assert len(offsets) == len(folded) + 1
        assert offsets == sorted(offsets)
        assert offsets[-1] == len(text)


def test_only_text_that_sqlite_cannot_lower_has_a_differing_fold() -> None:
    assert differing_fold("The Bride") is None
    assert differing_fold("花嫁") is None
    assert differing_fold("José") == "jose"
    assert differing_fold("Невеста") == "невеста"
