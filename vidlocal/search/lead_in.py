"""Take the request off a query: "show me the part of the video where the cake is cut" asks for "the cake is cut". Pure.

The words of a request are in no passage about the moment. They cost full-text search its precision and pull the
embedding towards questions.
"""

import re
from dataclasses import dataclass

_MIN_WORDS_LEFT = 2


@dataclass(frozen=True, slots=True)
class _Language:
    """Regular expressions of a language, each with the space that follows.

    `request` ("show me ") and `question` ("when does ") are lead-ins alone; `verb` ("find ") only before `target` ("the
    part of the video where "), because it may be what is looked for.
    """

    request: str
    verb: str
    target: str
    question: str


_LANGUAGES = (
    _Language(  # English
        r"(?:(?:please|can you|could you|would you|i want to|i would like to|i'd like to) )+"
        r"(?:(?:show|find|give|get|play) (?:me )?|see |watch |search for |look for )"
        r"|(?:show|find|give|get|play) me |search for |look for |i(?:'m| am) looking for ",
        r"(?:show|find|play|see|watch|get) ",
        r"(?:(?:a|an|the|all|any|every) )?(?:video|clip|film|footage|part|scene|moment|place|section|bit|shot)s? "
        r"(?:of the (?:video|film|clip|movie) )?(?:where|when|in which|that shows?|showing|about) ",
        r"(?:when|where|at what (?:time|point)) (?:do|does|did|is|are|was|were|can (?:i|we) see|do (?:i|we) see) ",
    ),
    _Language(  # German
        r"(?:bitte )?(?:zeige?|zeigen sie|finde|suche|spiele?) (?:mir|uns) (?:bitte )?|(?:ich )?suche nach ",
        r"(?:zeige?|finde|suche|spiele?) ",
        r"(?:die|den|das|eine?n?|alle) (?:stellen?|szenen?|momente?|teile?|abschnitte?|videos?|filme?),? "
        r"(?:(?:im|des|aus dem) (?:videos?|films?),? )?(?:wo|als|in (?:der|dem|denen)|bei (?:der|dem)) ",
        r"(?:wann|wo) (?:wird|werden|ist|sind|war|waren|sieht man|kommt|kommen) ",
    ),
    _Language(  # French
        r"(?:montre|trouve|cherche)(?:z)?[- ](?:moi|nous) ",
        r"(?:montre|trouve|cherche)(?:z|r)? ",
        r"(?:le|la|les|un|une) (?:moment|passage|scène|partie|vidéo|film)s? (?:de la vidéo |du film )?"
        r"(?:où|quand|dans l(?:equel|aquelle)) ",
        r"(?:quand|où) (?:est-ce que |est |sont |a |ont )",
    ),
    _Language(  # Spanish
        r"(?:por favor )?(?:muéstrame|muestrame|enséñame|búscame|encuéntrame) ",
        r"(?:muestra|busca|encuentra) ",
        r"(?:el|la|los|las|un|una) (?:momento|parte|escena|v[ií]deo)s? (?:del v[ií]deo )?"
        r"(?:donde|cuando|en (?:el|la) que|en que) ",
        r"¿?(?:cuándo|dónde) (?:se |está |están |es )?",
    ),
    _Language(  # Italian
        r"(?:mostrami|trovami|fammi vedere|cercami) ",
        r"(?:mostra|trova|cerca) ",
        r"(?:il|la|lo|le|i|gli|un|una) (?:momento|parte|scena|video) (?:del video )?(?:in cui|dove|quando) ",
        r"(?:quando|dove) (?:si |viene |è |sono )",
    ),
    _Language(  # Portuguese
        r"(?:mostre-me|mostra-me|me mostre|me mostra) ",
        r"(?:mostre|encontre|procure) ",
        r"(?:o|a|os|as|um|uma) (?:momento|parte|cena|v[ií]deo)s? (?:do v[ií]deo )?(?:onde|em que|quando) ",
        r"(?:quando|onde) (?:é que |se |está |estão |é )",
    ),
    _Language(  # Dutch
        r"(?:laat|toon) (?:mij|me|ons) (?:zien )?",
        r"(?:zoek|vind|toon) ",
        r"(?:het|de|een) (?:moment|deel|scène|video|stuk) (?:van de video )?(?:waar|waarin|wanneer) ",
        r"(?:wanneer|waar) (?:wordt|worden|is|zijn|was) ",
    ),
)
_lead_in = re.compile(
    "|".join(
        f"(?:(?:{language.request})(?:{language.target})?|(?:{language.verb})?(?:{language.target})|{language.question})"
        for language in _LANGUAGES
    ),
    re.IGNORECASE,
)


def strip_lead_in(words: str) -> str:
    """Return the words without a lead-in; unchanged if fewer than two words would be left."""
    text = " ".join(words.split())
    match = _lead_in.match(text)
    remaining = text[match.end() :].strip(" ?!.") if match else ""
    return remaining if len(remaining.split()) >= _MIN_WORDS_LEFT else words
