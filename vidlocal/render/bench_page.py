"""Write a comparison of vision models as a self-contained HTML page, without scripts. Pure."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.render.page import BASE_STYLE, html_document
from vidlocal.render.sanitize import one_line

_STYLE = (
    BASE_STYLE
    + """
div { overflow-x: auto; }
table { border-collapse: collapse; background: var(--panel); }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.7rem; border: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: normal; }
section { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); margin: 1.5rem 0; }
img { width: 100%; border-radius: 5px; }
dl { margin: 0; overflow-wrap: anywhere; }
dt { font-weight: bold; }
dd { margin: 0 0 0.6rem; }
@media (max-width: 40rem) { section { grid-template-columns: minmax(0, 1fr); } }
"""
)


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture with its captions: name of the model and text."""

    jpeg: bytes
    captions: Sequence[tuple[str, str]]


def bench_page(heads: Sequence[str], rows: Sequence[Sequence[str]], pictures: Sequence[CaptionedPicture]) -> str:
    """An HTML page with a table of figures, and each picture beside its captions. Texts and names are escaped."""
    header = "".join(f'<th scope="col">{_escape(head)}</th>' for head in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{_escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<div><table>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    sections = "\n".join(_section(number, picture) for number, picture in enumerate(pictures, 1))
    return html_document("Vision models compared", f"{table}\n{sections}", style=_STYLE)


def _section(number: int, picture: CaptionedPicture) -> str:
    source = f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}"
    captions = "".join(f"<dt>{_escape(name)}</dt><dd>{_escape(text)}</dd>" for name, text in picture.captions)
    return f'<section><img alt="Picture {number}" src="{source}"><dl>{captions}</dl></section>'


def _escape(text: str) -> str:
    return html.escape(one_line(text))
