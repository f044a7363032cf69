"""Text that came from files, models and subtitles, made harmless for a terminal.

Control characters can move the cursor, set the clipboard or turn text around; rich lets most of them
through. What is dropped is shown as U+FFFD, so that nobody is fooled by what is not there.
"""

import json
import re
from pathlib import Path

REPLACEMENT = "\ufffd"

# C0 but \t and \n, DEL and C1; soft hyphen; bidi marks, embeddings and isolates; zero-width characters;
# line and paragraph separators; lone surrogates; the byte order mark; interlinear and tag characters.
_CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
# The two joiners are spelling in Persian, Indic scripts and emoji, and a disguise anywhere else.
_JOINED = "\u0600-\u1fff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_unsafe = re.compile(f"[{_CONTROLS}]|(?<![{_JOINED}])[\u200c\u200d]")
_BREAKERS = str.maketrans("\t\n", REPLACEMENT * 2)
_spaces = re.compile(r"\s+")


def sanitize(text: str) -> str:
    """`text` without control characters; line ends and tabs stay."""
    return _unsafe.sub(REPLACEMENT, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`text` without control characters, on one line, single-spaced: for a cell, a field or a sentence."""
    return _spaces.sub(" ", sanitize(text)).strip()


def sanitize_path(path: Path) -> str:
    """A path for a field: spaces stay as they are, so that it leads to its file. Line ends and tabs do not."""
    return sanitize(str(path)).translate(_BREAKERS)


def to_json(document: object, *, indent: int | None = None) -> str:
    """`document` as JSON that reads back unchanged and holds no control character of its content."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return _unsafe.sub(lambda match: json.dumps(match[0])[1:-1], text)
