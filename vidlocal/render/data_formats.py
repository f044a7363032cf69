"""Write clips as JSON, JSON lines and CSV. Pure."""

import csv
import io
from collections.abc import Sequence

from vidlocal.render.clips import Clip
from vidlocal.render.sanitize import one_line, sanitize, to_json

_COLUMNS = ("video", "path", "start", "end", "kinds", "score", "text", "speaker")
# Spreadsheets evaluate cells with these prefixes as formulas.
_FORMULA = ("=", "+", "-", "@")


def json(clips: Sequence[Clip]) -> str:
    """One document, `{"moments": [...]}`, as in `search --json`."""
    return to_json({"moments": [record(clip) for clip in clips]}, indent=2) + "\n"


def jsonl(clips: Sequence[Clip]) -> str:
    """A moment per line."""
    return "".join(to_json(record(clip)) + "\n" for clip in clips)


def record(clip: Clip) -> dict[str, object]:
    score: dict[str, object] = {} if clip.score is None else {"score": round(clip.score, 4)}
    return {
        "video": {"id": clip.video_id, "title": clip.title, "path": clip.path},
        "start": round(clip.start, 3),
        "end": round(clip.end, 3),
        **score,
        "kinds": list(clip.kinds),
        "text": clip.text,
        **({"speaker": clip.speaker} if clip.speaker else {}),
    }


def csv_table(clips: Sequence[Clip]) -> str:
    """CSV (RFC 4180) with a header, and a column of people if any are known.

    Texts a spreadsheet would evaluate get a `'` in front.
    """
    has_people = any(clip.people for clip in clips)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, "people"] if has_people else _COLUMNS)
    for clip in clips:
        score = "" if clip.score is None else f"{clip.score:.4f}"
        kinds = " ".join(map(one_line, clip.kinds))
        times = (f"{clip.start:.3f}", f"{clip.end:.3f}")
        spoken = (_cell(clip.text), _cell(clip.speaker or ""))
        seen = [_cell(", ".join(clip.people))] if has_people else []
        writer.writerow([_cell(clip.title), _cell(clip.path), *times, kinds, score, *spoken, *seen])
    return out.getvalue()


def _cell(text: str) -> str:
    plain = sanitize(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain
