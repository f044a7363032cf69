"""Strip the request from a query: "show me the part of the video where the cake is cut" becomes "the cake is cut".

The words of a request are in no passage about the moment. They cost full-text search its precision and pull the
embedding towards questions.
"""

import re
from dataclasses import dataclass
from functools import cache

_MIN_WORDS_LEFT = 2


@dataclass(frozen=True, slots=True)
class _Language:
    """Regular expressions of a language, each with the following space, and all their `first_words`.

    `request` ("show me ") and `question` ("when does ") are lead-ins alone; `verb` ("find ") only before `target` ("the
    part of the video where "), because it may be what is looked for.
    """

    first_words: str
    request: str
    verb: str
    target: str
    question: str


_LANGUAGES = (
    _Language(  # English
        "please can could would i i'd i'm show find give get play see watch search look a an the all any "
        "every video videos clip film footage part parts scene scenes moment moments place section bit shot "
        "when where at",
        r"(?:(?:please|can you|could you|would you|i want to|i would like to|i'd like to) )+"
        r"(?:(?:show|find|give|get|play) (?:me )?|see |watch |search for |look for )"
        r"|(?:show|find|give|get|play) me |search for |look for |i(?:'m| am) looking for ",
        r"(?:show|find|play|see|watch|get) ",
        r"(?:(?:a|an|the|all|any|every) )?(?:video|clip|film|footage|part|scene|moment|place|section|bit|shot)s? "
        r"(?:of the (?:video|film|clip|movie) )?(?:where|when|in which|that shows?|showing|about) ",
        r"(?:when|where|at what (?:time|point)) (?:do|does|did|is|are|was|were|can (?:i|we) see|do (?:i|we) see) ",
    ),
    _Language(  # German
        "bitte zeig zeige zeigen finde such suche spiel spiele ich die den das ein eine einen alle wann wo",
        r"(?:bitte )?(?:zeige?|zeigen sie|finde|suche|spiele?) (?:mir|uns) (?:bitte )?|(?:ich )?suche nach ",
        r"(?:zeige?|finde|suche|spiele?) ",
        r"(?:die|den|das|eine?n?|alle) (?:stellen?|szenen?|momente?|teile?|abschnitte?|videos?|filme?),? "
        r"(?:(?:im|des|aus dem) (?:videos?|films?),? )?(?:wo|als|in (?:der|dem|denen)|bei (?:der|dem)) ",
        r"(?:wann|wo) (?:wird|werden|ist|sind|war|waren|sieht man|kommt|kommen) ",
    ),
    _Language(  # French
        "montre montrez trouve trouvez trouver cherche cherchez chercher montre-moi montrez-moi trouve-moi "
        "cherche-moi montre-nous le la les un une quand où",
        r"(?:montre|trouve|cherche)(?:z)?[- ](?:moi|nous) ",
        r"(?:montre|trouve|cherche)(?:z|r)? ",
        r"(?:le|la|les|un|une) (?:moment|passage|scène|partie|vidéo|film)s? (?:de la vidéo |du film )?"
        r"(?:où|quand|dans l(?:equel|aquelle)) ",
        r"(?:quand|où) (?:est-ce que |est |sont |a |ont )",
    ),
    _Language(  # Spanish
        "por muéstrame muestrame enséñame búscame encuéntrame muestra busca encuentra el la los las un una "
        "cuándo dónde ¿cuándo ¿dónde",
        r"(?:por favor )?(?:muéstrame|muestrame|enséñame|búscame|encuéntrame) ",
        r"(?:muestra|busca|encuentra) ",
        r"(?:el|la|los|las|un|una) (?:momento|parte|escena|v[ií]deo)s? (?:del v[ií]deo )?"
        r"(?:donde|cuando|en (?:el|la) que|en que) ",
        r"¿?(?:cuándo|dónde) (?:se |está |están |es )?",
    ),
    _Language(  # Italian
        "mostrami trovami fammi cercami mostra trova cerca il la lo le i gli un una quando dove",
        r"(?:mostrami|trovami|fammi vedere|cercami) ",
        r"(?:mostra|trova|cerca) ",
        r"(?:il|la|lo|le|i|gli|un|una) (?:momento|parte|scena|video) (?:del video )?(?:in cui|dove|quando) ",
        r"(?:quando|dove) (?:si |viene |è |sono )",
    ),
    _Language(  # Portuguese
        "mostre-me mostra-me me mostre encontre procure o a os as um uma quando onde",
        r"(?:mostre-me|mostra-me|me mostre|me mostra) ",
        r"(?:mostre|encontre|procure) ",
        r"(?:o|a|os|as|um|uma) (?:momento|parte|cena|v[ií]deo)s? (?:do v[ií]deo )?(?:onde|em que|quando) ",
        r"(?:quando|onde) (?:é que |se |está |estão |é )",
    ),
    _Language(  # Dutch
        "laat toon zoek vind het de een wanneer waar",
        r"(?:laat|toon) (?:mij|me|ons) (?:zien )?",
        r"(?:zoek|vind|toon) ",
        r"(?:het|de|een) (?:moment|deel|scène|video|stuk) (?:van de video )?(?:waar|waarin|wanneer) ",
        r"(?:wanneer|waar) (?:wordt|worden|is|zijn|was) ",
    ),
)


@cache
def _pattern(language: _Language) -> re.Pattern[str]:
    """Compile a language on first use: compiling all takes as long as a word search."""
    request, verb, target, question = language.request, language.verb, language.target, language.question
    return re.compile(f"(?:(?:{request})(?:{target})?|(?:{verb})?(?:{target})|{question})", re.IGNORECASE)


def strip_lead_in(words: str) -> str:
    """Return the words without a lead-in; unchanged if fewer than two words would be left."""
    text = " ".join(words.split())
    first = text.partition(" ")[0].lower()
    languages = (language for language in _LANGUAGES if first in language.first_words.split())
    match = next((match for language in languages if (match := _pattern(language).match(text))), None)
    remaining = text[match.end() :].strip(" ?!.") if match else ""
    return remaining if len(remaining.split()) >= _MIN_WORDS_LEFT else words
