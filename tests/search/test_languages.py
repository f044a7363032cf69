"""Queries in thirty languages, as typed by people, match lines as written."""

import unicodedata

import pytest

from tests.support.text_videos import add_video
from vidlocal.search.run import search
from vidlocal.store.database import Library

NFD_KOREAN = unicodedata.normalize("NFD", "할머니 생신 잔치를 했어요")
NFD_VIETNAMESE = unicodedata.normalize("NFD", "Cô dâu bước vào nhà thờ ở Đà Nẵng")

# Language: line, queries.
TEXTS: dict[str, tuple[str, list[str]]] = {
    "English": (
        "Our fiancée\u2019s naïve co\u00adworker ordered a crème brûlée",
        ["fiancee", "naive coworker", "brulee"],
    ),
    "German": ("Die Hochzeit in der Großen Straße, mit Äpfeln", ["strasse", "STRASSE", "grossen", "äpfeln", "apfeln"]),
    "Swiss German": ("Ein Strauss Blumen", ["Strauß", "strauss"]),
    "French": ("L’été à Noël, un cœur brisé et l'œuvre", ["noel", "NOËL", "coeur", "oeuvre", "ete"]),
    "Spanish": ("El niño comió en la mañana", ["nino", "comio", "MAÑANA"]),
    "Portuguese": ("A noiva dança com o irmão", ["danca", "irmao"]),
    "Italian": ("La città è più bella di così", ["citta", "cosi"]),
    "Dutch": ("De zeeën en het reünie-feest", ["zeeen", "reunie"]),
    "Danish": ("Søren spiste smørrebrød på Ærø", ["soren", "smorrebrod", "aero"]),
    "Norwegian": ("Bruden går gjennom kirken i Tromsø", ["tromso", "gar"]),
    "Swedish": ("Älgen går över ån", ["algen", "älgen", "gar"]),
    "Icelandic": ("Þórður á Íslandi", ["thordur", "islandi", "Þórður"]),
    "Finnish": ("Häät järven rannalla", ["haat", "jarven"]),
    "Estonian": ("Pulm jõulude ajal", ["joulude"]),
    "Latvian": ("Līgava dejo šodien", ["ligava", "sodien"]),
    "Lithuanian": ("Žmonės šoka per vestuves", ["zmones", "soka"]),
    "Polish": ("Panna młoda z Łodzi je pączki i żurek", ["lodzi", "mloda", "paczki", "zurek"]),
    "Czech": ("Nevěsta přichází k oltáři", ["nevesta", "prichazi"]),
    "Slovak": ("Ženích čaká pri kostole", ["zenich", "caka"]),
    "Hungarian": ("A menyasszony gyönyörű ruhája", ["gyonyoru", "ruhaja"]),
    "Romanian": ("Mireasa așteaptă în București", ["asteapta", "bucuresti"]),
    "Croatian": ("Đorđe i Željka plešu", ["dorde", "zeljka", "plesu"]),
    "Albanian": ("Nusja është në Durrës", ["eshte", "durres"]),
    "Turkish": ("İstanbul'da ışık ve ağaç; ISPARTA gülü", ["istanbul", "isik", "agac", "ısparta", "isparta"]),
    "Azerbaijani": ("Gəlin çox gözəldir", ["gəlin", "cox"]),
    "Vietnamese": (NFD_VIETNAMESE, ["cô dâu", "co dau", "đà nẵng", "da nang"]),
    "Russian": ("Невеста идёт к алтарю, стоит зелёная ёлка", ["идет", "елка", "зеленая", "ЁЛКА", "невеста"]),
    "Ukrainian": ("Весілля: їжа, м\u02bcята і сім'я", ["їжа", "м'ята", "м’ята", "сімʼя"]),
    "Bulgarian": ("Младоженката ѝ подари цвете", ["младоженката и подари"]),
    "Greek": ("Η νύφη στον δρόμο της Αθήνας, ΟΔΟΣ ΕΡΜΟΎ", ["νυφη", "ΝΥΦΗ", "αθηνασ", "οδός ερμού"]),
    "Arabic": (
        "العَرُوسُ تَمْشِي فِي المَمَرّ، مـــرحـــبـــا، ذهب الأولاد إلى المدرسة",
        ["العروس", "الممر", "مرحبا", "الاولاد", "المدرسه", "الي"],
    ),
    "Persian": ("عروس می‌خواهد کتاب بخواند", ["میخواهد", "ميخواهد", "كتاب", "کتاب"]),
    "Urdu": ("دلہن پھولوں کی طرح", ["دلہن", "کی"]),
    "Hebrew": ("הַכַּלָּה הוֹלֶכֶת אֶל שָׁלוֹם", ["הכלה", "שלום"]),
    "Hindi": ("दुल्हन की ज़िंदगी में चाँद", ["ज़िंदगी", "जिंदगी", "चांद", "दुल्हन"]),
    "Bengali": ("কনে গির্জায় হাঁটছে", ["কনে", "গির্জায়"]),
    "Tamil": ("மணமகள் நடக்கிறாள்", ["மணமகள்"]),
    "Thai": ("เจ้าสาวเดินเข้าโบสถ์", ["เจ้าสาว", "โบสถ์"]),
    "Khmer": ("កូនក្រមុំ\u200bដើរ", ["កូនក្រមុំដើរ", "ក្រមុំ"]),
    "Japanese": ("ﾃﾞｰﾀを確認します。ＡＢＣ社の会議、㍻の写真", ["データ", "ABC", "会議", "ﾃﾞｰﾀ", "平成"]),
    "Chinese": ("新娘在２０２４年走过红毯", ["新娘", "2024", "红毯"]),
    "Korean": (NFD_KOREAN, ["할머니", "생신", "잔치"]),
    "Georgian": ("პატარძალი მიდის", ["პატარძალი", "ᲞᲐᲢᲐᲠᲫᲐᲚᲘ"]),
    "Armenian": ("Հարսը քայլում է", ["հարսը", "ՔԱՅԼՈՒՄ"]),
    "Hawaiian": ("Ka wahine ma Hawai\u02bbi, māhealani", ["hawai'i", "mahealani"]),
}
QUERIES = [(language, query) for language, (_, queries) in TEXTS.items() for query in queries]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library.open(tmp_path_factory.mktemp("world"), create=True)
    add_video(library, "world", [text for text, _ in TEXTS.values()])
    return library


@pytest.mark.parametrize(("language", "query"), QUERIES)
def test_a_query_finds_the_line_and_shows_it_as_written(world: Library, language: str, query: str) -> None:
    result = search(world, query, limit=len(TEXTS))
    assert TEXTS[language][0] in [hit.text for moment in result.moments for hit in moment.hits]
    assert result.notice is None


@pytest.mark.parametrize(("query", "language"), [("мои", "мой дом"), ("かき", "がき"), ("บาน", "บ้าน")])
def test_another_word_is_not_found(library: Library, query: str, language: str) -> None:
    add_video(library, "other", [language])
    assert search(library, query).moments == ()
