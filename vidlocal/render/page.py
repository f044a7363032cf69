"""Write moments as a self-contained HTML page with a player for each, without scripts. Pure."""

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

# Colours, for light and dark screens, and text.
BASE_STYLE = """
:root {
  color-scheme: light dark; --page: #f7f8fa; --panel: #fff; --line: #d0d7de; --muted: #57606a; --link: #0a55b8;
  font: 16px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root { --page: #0e1116; --panel: #171c23; --line: #30363d; --muted: #9aa5b1; --link: #79b8ff; }
}
body { max-width: 90rem; margin: 1.5rem auto; padding: 0 1rem; background: var(--page); }
h1 { font-size: 1.4rem; }
"""
_STYLE = (
    BASE_STYLE
    + """
a { color: var(--link); }
ol { list-style: none; padding: 0; display: grid; gap: 1rem; }
ol { grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); }
li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem; }
video, img { width: 100%; aspect-ratio: 16 / 9; object-fit: contain; background: #000; border-radius: 5px; }
p { margin: 0.25rem 0; overflow-wrap: anywhere; }
.kinds { color: var(--muted); }
mark { background: #ffe58a; color: #222; border-radius: 2px; }
"""
)


@dataclass(frozen=True, slots=True)
class Card:
    """A moment with a JPEG, None if there is no image."""

    moment: Moment
    jpeg: bytes | None


def page(query: str, cards: Sequence[Card], *, is_confident: bool = True) -> str:
    """An HTML page with a policy against loading and scripts. Texts and names are escaped.

    Without `is_confident` the page says that these are the nearest matches only.
    """
    items = "\n".join(_item(card, query_words(query)) for card in cards)
    notice = "" if is_confident else "<p>No good match. Nearest matches:</p>"
    return html_document(query, f"{notice}\n<ol>\n{items}\n</ol>", style=_STYLE)


def html_document(title: str, body: str, *, style: str) -> str:
    """An HTML page with a policy against loading and scripts. `title` is escaped, `body` is HTML."""
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; media-src file:; style-src 'sha256-{style_hash}'; base-uri 'none'; "
        "form-action 'none'"
    )
    heading = html.escape(one_line(title))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>{heading}</title>
<style>{style}</style>
</head>
<body>
<h1>{heading}</h1>
{body}
</body>
</html>
"""


def _item(card: Card, words: Sequence[str]) -> str:
    moment = card.moment
    link = html.escape(f"{file_url(moment.video_path)}#t={moment.start:.1f}")
    title, kinds = html.escape(one_line(moment.video_title)), html.escape(", ".join(moment.kinds))
    return (
        f'<li>{_player(link, title, card.jpeg)}<p><a href="{link}">{title}</a></p>'
        f"<p>{_mark(one_line(moment.text), words)}</p>"
        f'<p class="kinds">{format_range(moment.start, moment.end)} · {kinds} · {moment.score:.2f}</p></li>'
    )


def _player(link: str, title: str, jpeg: bytes | None) -> str:
    """A player without preloading; the picture alone for a path without a file on this machine.

    Browsers play MP4 and WebM; for others the link opens the file.
    """
    picture = "" if jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    if link.startswith("file:///"):
        poster = f'poster="{picture}" ' if picture else ""
        return f'<video controls preload="none" aria-label="{title}" {poster}src="{link}"></video>'
    return f'<img alt="" src="{picture}">' if picture else ""


def _mark(text: str, words: Sequence[str]) -> str:
    parts: list[str] = []
    position = 0
    for first, last in find_matches(text, words):
        parts += [html.escape(text[position:first]), "<mark>", html.escape(text[first:last]), "</mark>"]
        position = last
    return "".join([*parts, html.escape(text[position:])])
