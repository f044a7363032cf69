import pytest

from vidlocal.media.encodings import decode

TEXTS = [
    ("utf-8", "L'été, la mariée est là. Übung, 花嫁, невеста."),
    ("utf-8-sig", "L'été, la mariée est là."),
    ("utf-16", "L'été, la mariée est là. 花嫁"),
    ("utf-16-le", "La mariée danse."),
    ("utf-16-be", "La mariée danse."),
    ("utf-32", "La mariée danse."),
    ("cp1252", "L'été, la mariée marche vers l'autel. Où est le garçon ? C'est très drôle."),
    ("cp1252", "Die Braut läuft über den Gang. Großmutter tanzt schön."),
    ("cp1252", "¿Dónde está la niña? El novio corta el pastel mañana."),
    ("cp1252", "A noiva não está à mesa. São três irmãos."),
    ("cp1252", "Bruden går nerför gången. Mormor dansar på fötter över ån."),
    ("cp1252", "It’s “fine” – he said…"),
    ("cp1250", "Panna młoda idzie między ławkami. Żółta łódź, święto."),
    ("cp1250", "Nevěsta jde uličkou. Příliš žluťoučký kůň úpěl."),
    ("cp1250", "A menyasszony végigsétál az oltárhoz. Tűzijáték, őszi eső."),
    ("cp1251", "Невеста идёт по проходу. Бабушка танцует с гостями."),
    ("cp1251", "Наречена йде проходом. Її бабуся танцює, її подруга їсть."),
    ("koi8-r", "Невеста идёт по проходу. Бабушка танцует с гостями."),
    ("cp1253", "Η νύφη περπατά στον διάδρομο. Η γιαγιά χορεύει."),
    ("cp1254", "Gelin koridorda yürüyor. Büyükanne şarkı söylüyor, çocuklar ağlıyor."),
    ("cp1255", "הכלה הולכת במעבר. סבתא רוקדת עם האורחים."),
    ("cp1256", "العروس تمشي في الممر. الجدة ترقص مع الضيوف."),
    ("cp874", "เจ้าสาวเดินไปตามทางเดิน คุณยายเต้นรำกับแขก"),
    ("shift_jis", "花嫁がバージンロードを歩く。おばあちゃんが踊っています。"),
    ("euc_jp", "花嫁がバージンロードを歩く。おばあちゃんが踊っています。"),
    ("gb18030", "新娘走过红毯。奶奶和客人们一起跳舞。"),
    ("big5", "新娘走過紅毯。奶奶和客人們一起跳舞。"),
    ("euc_kr", "신부가 통로를 걸어갑니다. 할머니가 손님들과 춤을 춥니다."),
]


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
@pytest.mark.parametrize("cues", [1, 5])
def test_decode_finds_the_encoding_of_a_short_subtitle_file(encoding: str, text: str, cues: int) -> None:
    whole = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}\n\n" for n in range(1, cues + 1))
    assert decode(whole.encode(encoding)) == whole


def test_decode_keeps_utf8_with_a_damaged_character() -> None:
    damaged = "La mariée très drôle, à côté, été. ".encode() + b"\xff."
    assert decode(damaged) == "La mariée très drôle, à côté, été. \ufffd."


def test_decode_never_fails_on_any_bytes() -> None:
    for data in (b"", b"\x00", bytes(range(256)) * 40, b"\xff\xfe", b"\xef\xbb\xbf", b"\x81" * 500):
        assert isinstance(decode(data), str)
