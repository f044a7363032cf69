"""Convert language tags to ISO 639-1 codes, as used by whisper.cpp and the passages."""

# name, ISO 639-1, ISO 639-2 (bibliographic and terminological where they differ): the languages Whisper knows.
_TABLE = """
afrikaans af afr|albanian sq alb sqi|amharic am amh|arabic ar ara|armenian hy arm hye|assamese as asm
azerbaijani az aze|bashkir ba bak|basque eu baq eus|belarusian be bel|bengali bn ben|bosnian bs bos|breton br bre
bulgarian bg bul|burmese my bur mya|cantonese yue yue|catalan ca cat|chinese zh chi zho|croatian hr hrv
czech cs cze ces|danish da dan|dutch nl dut nld|english en eng|estonian et est|faroese fo fao|finnish fi fin
french fr fre fra|galician gl glg|georgian ka geo kat|german de ger deu|greek el gre ell|gujarati gu guj
haitian ht hat|hausa ha hau|hawaiian haw haw|hebrew he heb|hindi hi hin|hungarian hu hun|icelandic is ice isl
indonesian id ind|italian it ita|japanese ja jpn|javanese jw jav|kannada kn kan|kazakh kk kaz|khmer km khm
korean ko kor|lao lo lao|latin la lat|latvian lv lav|lingala ln lin|lithuanian lt lit|luxembourgish lb ltz
macedonian mk mac mkd|malagasy mg mlg|malay ms may msa|malayalam ml mal|maltese mt mlt|maori mi mao mri
marathi mr mar|mongolian mn mon|nepali ne nep|norwegian no nor|nynorsk nn nno|occitan oc oci|pashto ps pus
persian fa per fas|polish pl pol|portuguese pt por|punjabi pa pan|romanian ro rum ron|russian ru rus
sanskrit sa san|serbian sr srp|shona sn sna|sindhi sd snd|sinhala si sin|slovak sk slo slk|slovenian sl slv
somali so som|spanish es spa|sundanese su sun|swahili sw swa|swedish sv swe|tagalog tl tgl|tajik tg tgk
tamil ta tam|tatar tt tat|telugu te tel|thai th tha|tibetan bo tib bod|turkish tr tur|turkmen tk tuk
ukrainian uk ukr|urdu ur urd|uzbek uz uzb|vietnamese vi vie|welsh cy wel cym|yiddish yi yid|yoruba yo yor
filipino tl fil|bokmal no nob|javanese jw jv|hebrew he iw|indonesian id in|irish ga gle
"""

_CODES = {
    word: words[1]
    for entry in _TABLE.replace("\n", "|").split("|")
    if len(words := entry.split()) > 2
    for word in words
}


def language_code(tag: str | None) -> str | None:
    """ISO 639-1 code of a tag such as `eng`, `pt-BR`, `zh_Hans` or `Spanish`; None for an unknown tag."""
    if not tag:
        return None
    return _CODES.get(tag.replace("_", "-").split("-")[0].strip().casefold())
