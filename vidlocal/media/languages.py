"""Convert language tags to ISO 639-1 codes, else ISO 639-3, as used by whisper.cpp and passages."""

# name, ISO 639-1, ISO 639-2 (bibliographic and terminological where they differ): first the languages Whisper knows.
# At the end names in the languages themselves, and other codes in file names.
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
filipino tl fil|bokmal no nb nob|javanese jw jv|hebrew he iw|indonesian id in|yiddish yi ji|romanian ro mo mol
abkhazian ab abk|afar aa aar|akan ak aka|aragonese an arg|avaric av ava|avestan ae ave|aymara ay aym|bambara bm bam
bihari bh bih|bislama bi bis|chamorro ch cha|chechen ce che|chichewa ny nya|chuvash cv chv|cornish kw cor|cree cr cre
corsican co cos|dhivehi dv div|dzongkha dz dzo|esperanto eo epo|ewe ee ewe|fijian fj fij|frisian fy fry|fulah ff ful
gaelic gd gla|ganda lg lug|guarani gn grn|herero hz her|igbo ig ibo|interlingua ia ina|interlingue ie ile
inuktitut iu iku|inupiaq ik ipk|irish ga gle|kalaallisut kl kal|kanuri kr kau|kashmiri ks kas|kikuyu ki kik
kinyarwanda rw kin|kirghiz ky kir kyrgyz|komi kv kom|kongo kg kon|kurdish ku kur|kwanyama kj kua|limburgish li lim
luba lu lub|manx gv glv|marshallese mh mah|nauru na nau|navajo nv nav|ndebele nd nde|ndonga ng ndo|nuosu ii iii
ojibwa oj oji|oriya or ori odia|oromo om orm|ossetian os oss|pali pi pli|quechua qu que|romansh rm roh|rundi rn run
sami se sme|samoan sm smo|sango sg sag|sardinian sc srd|sotho st sot|swati ss ssw|tahitian ty tah|tigrinya ti tir
tonga to ton|tsonga ts tso|tswana tn tsn|twi tw twi|uighur ug uig uyghur|venda ve ven|volapuk vo vol|walloon wa wln
wolof wo wol|xhosa xh xho|zhuang za zha|zulu zu zul|ndebele nr nbl|slavonic cu chu|hiri ho hmo
asturian ast ast|cebuano ceb ceb|sorani ckb ckb|cherokee chr chr|kabyle kab kab|konkani kok kok|hmong hmn hmn
ilocano ilo ilo|maithili mai mai|neapolitan nap nap|papiamento pap pap|scots sco sco|silesian szl szl|sicilian scn scn
swiss gsw gsw|sorbian hsb hsb|sorbian dsb dsb|syriac syr syr|tetum tet tet|venetian vec vec|plattdeutsch nds nds
mandarin zh cmn|pidgin pcm pcm|nahuatl nah nah|rusyn rue rue|ladino lad lad|romany rom rom|montenegrin cnr cnr
german de deutsch|french fr français francais|spanish es español espanol castellano latino|italian it italiano
portuguese pt português portugues brazilian pob|dutch nl nederlands|polish pl polski|swedish sv svenska
danish da dansk dk|norwegian no norsk|finnish fi suomi|czech cs čeština cz|turkish tr türkçe|greek el ελληνικά gr
russian ru русский|ukrainian uk українська ua|arabic ar العربية|hebrew he עברית|japanese ja 日本語 jp|korean ko 한국어
chinese zh 中文 简体 繁體 chs cht cn simplified traditional
"""

_CODES = {
    word: words[1]
    for entry in _TABLE.replace("\n", "|").split("|")
    if len(words := entry.split()) > 2
    for word in words
}


def language_code(tag: str | None) -> str | None:
    """ISO 639-1 code (or ISO 639-3) of a tag such as `eng`, `pt-BR` or `Spanish`; None for an unknown tag."""
    if not tag:
        return None
    return _CODES.get(tag.replace("_", "-").split("-")[0].strip().casefold())
