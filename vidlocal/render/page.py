"""Write moments as a self-contained HTML page without scripts. Pure."""

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.records import Moment
from vidlocal.render.clips import file_url
from vidlocal.render.highlight import find_matches, query_words
from vidlocal.render.sanitize import one_line
from vidlocal.timecode import format_range

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
ol { list-style: none; padding: 0; display: grid; gap: 1.5rem; }
li { display: grid; grid-template-columns: minmax(6rem, 15rem) 1fr; gap: 1rem; }
img { width: 100%; border-radius: 4px; }
p { margin: 0.25rem 0; overflow-wrap: anywhere; }
.kinds { opacity: 0.7; font-size: 0.85rem; }
mark { background: #ffe58a; color: #222; }
"""


@dataclass(frozen=True, slots=True)
class Card:
    """A moment with a JPEG, None if there is no image."""

    moment: Moment
    jpeg: bytes | None


def page(query: str, cards: Sequence[Card], *, is_confident: bool = True) -> str:
    """An HTML page with a policy against loading and scripts. Texts and names are escaped.

    Without `is_confident` the page says that these are the nearest matches only.
    """
    style_hash = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
    heading = html.escape(one_line(query))
    items = "\n".join(_item(card, query_words(query)) for card in cards)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>{heading}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{heading}</h1>
{"" if is_confident else "<p>No good match. Nearest matches:</p>"}
<ol>
{items}
</ol>
</body>
</html>
"""


def _item(card: Card, words: Sequence[str]) -> str:
    moment = card.moment
    link = html.escape(f"{file_url(moment.video_path)}#t={moment.start:.1f}")
    image = ""
    if card.jpeg is not None:
        image = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(card.jpeg).decode()}">'
    title, kinds = html.escape(one_line(moment.video_title)), html.escape(", ".join(moment.kinds))
    return (
        f'<li><a href="{link}">{image}</a><div>'
        f'<p><a href="{link}">{title}</a> {format_range(moment.start, moment.end)}</p>'
        f'<p>{_mark(one_line(moment.text), words)}</p><p class="kinds">{kinds}</p></div></li>'
    )


def _mark(text: str, words: Sequence[str]) -> str:
    parts: list[str] = []
    position = 0
    for first, last in find_matches(text, words):
        parts += [html.escape(text[position:first]), "<mark>", html.escape(text[first:last]), "</mark>"]
        position = last
    return "".join([*parts, html.escape(text[position:])])
