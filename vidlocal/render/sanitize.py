"""Remove control characters from untrusted text (files, models, subtitles) for output on a terminal.

Control characters can move the cursor, set the clipboard or reverse text, and rich does not remove most of them. Each
is replaced by U+FFFD, so that the change is visible.
"""

import json
import re
from pathlib import Path

REPLACEMENT = "\ufffd"

# C0 except \t and \n, DEL and C1; soft hyphen; bidi marks, embeddings and isolates; zero-width characters;
# line and paragraph separators; lone surrogates; the byte order mark; interlinear and tag characters.
_CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
# Both joiners are needed in Persian, Indic scripts and emoji, and only serve to disguise text elsewhere.
_JOINED = "\u0600-\u1fff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_unsafe = re.compile(f"[{_CONTROLS}]|(?<![{_JOINED}])[\u200c\u200d]")
_BREAKERS = str.maketrans("\t\n", REPLACEMENT * 2)
_spaces = re.compile(r"\s+")


def sanitize(text: str) -> str:
    """Replace control characters except line ends and tabs."""
    return _unsafe.sub(REPLACEMENT, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Sanitized text on a line with single spaces, for cells, fields and messages."""
    return _spaces.sub(" ", sanitize(text)).strip()


def sanitize_path(path: Path) -> str:
    """Sanitized path on a line. Spaces are kept: the path remains valid."""
    return sanitize(str(path)).translate(_BREAKERS)


def to_json(document: object, *, indent: int | None = None) -> str:
    """JSON with escaped control characters. Parsing gives the unchanged document."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return _unsafe.sub(lambda match: json.dumps(match[0])[1:-1], text)
