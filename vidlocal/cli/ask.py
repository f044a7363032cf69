"""`vidlocal ask`."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.query_words import FreeTextCommand, read_query
from vidlocal.errors import UsageError
from vidlocal.records import Moment
from vidlocal.render.sanitize import one_line
from vidlocal.search.ask import NO_ANSWER, Statement, answer, ask_image
from vidlocal.search.moment_reference import resolve_moment
from vidlocal.settings import Settings, load
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.timecode import format_time

Parser = FreeTextCommand

# `wedding@1:02:03` before a question: about the frame at this time.
_MOMENT = re.compile(r".+@[\d:.]+", re.S)
_NOT_SEEN = "The image does not show it."

EXAMPLES = (
    "vidlocal ask when does grandmother dance?",
    """vidlocal ask wedding@1:02:03 "what is on the cake?"  # about the frame at this time""",
    "vidlocal ask who speaks first --video wedding --json",
)


def command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[VIDEO@TIME] QUESTION...",
            help="Question; - reads standard input. With VIDEO@TIME it is about the frame at this time.",
        ),
    ],
    video: options.Videos = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Answer a question from your videos, citing moments.

    The local text model answers from the moments that match the question. Statements without a citation are dropped.
    With VIDEO@TIME the local vision model answers about the frame at this time; if the file is missing, about the
    nearest stored frame.
    """
    settings = load()
    with Library.open(settings.home) as library:
        if len(words) > 1 and _MOMENT.fullmatch(words[0]):
            if video:
                raise UsageError("--video and VIDEO@TIME exclude each other. Leave one of them out.")
            _ask_about_frame(library, settings, words[0], _question(words[1:]), json=json, quiet=quiet)
            return
        if len(words) == 1 and _MOMENT.fullmatch(words[0]) and not any(map(str.isspace, words[0])):
            raise UsageError(f'The question is missing. Example: vidlocal ask {words[0]} "what is on the cake?"')
        question = _question(words)
        video_ids = [videos.resolve(library, name).id for name in video] if video else None
        from vidlocal.app.search.ask import find_evidence  # heavy

        evidence = find_evidence(library, settings, question, videos=video_ids)
        if evidence.notice:
            console.notice(evidence.notice, quiet=quiet)
        if not evidence.moments:
            _print(question, (), (), json=json)
            return
    statements = _answer(settings, question, evidence.moments, json=json)
    _print(question, statements, evidence.moments, json=json)


def _question(words: Sequence[str]) -> str:
    question = read_query(words).strip()
    if not question:
        raise UsageError('The question is empty. Example: vidlocal ask "when does grandmother dance?"')
    return question


def _answer(settings: Settings, question: str, moments: Sequence[Moment], *, json: bool) -> tuple[Statement, ...]:
    """Answer the question. On a terminal each statement is printed at once."""
    from vidlocal.app.engines.hosts import open_writer

    def show(statement: Statement) -> None:
        if console.is_terminal() and not json:
            console.line(_format_statement(statement, moments))
            console.flush()

    with ExitStack() as stack:
        return answer(question, moments, open_writer(stack, settings), on_statement=show)


def _print(question: str, statements: Sequence[Statement], moments: Sequence[Moment], *, json: bool) -> None:
    if json:
        cited = sorted({number for statement in statements for number in statement.citations})
        text = " ".join(
            f"{statement.text} {''.join(f'[{number}]' for number in statement.citations)}" for statement in statements
        )
        console.document(
            {
                "question": question,
                "answer": text or NO_ANSWER,
                "citations": [_citation(number, moments[number - 1]) for number in cited],
            }
        )
    elif not statements:
        console.line(NO_ANSWER)
    elif not console.is_terminal():
        for statement in statements:
            console.line(_format_statement(statement, moments))


def _format_statement(statement: Statement, moments: Sequence[Moment]) -> str:
    cited = [moments[number - 1] for number in statement.citations]
    references = (_reference(moment.video_title, moment.start) for moment in cited)
    return " ".join([one_line(statement.text), *references])


def _reference(title: str, start: float) -> str:
    return f"[{one_line(title)} @ {_time(start)}]"


def _time(seconds: float) -> str:
    return format_time(int(seconds))[:-2]


def _citation(number: int, moment: Moment) -> dict[str, object]:
    return {
        "n": number,
        "video": {"id": moment.video_id, "title": moment.video_title, "path": moment.video_path},
        "start": round(moment.start, 3),
        "end": round(moment.end, 3),
        "text": moment.text,
    }


def _ask_about_frame(
    library: Library, settings: Settings, reference: str, question: str, *, json: bool, quiet: bool
) -> None:
    from vidlocal.app.engines.hosts import open_vision
    from vidlocal.export.frame_grab import grab_frame

    video, time = resolve_moment(library, reference)
    frame = grab_frame(library, video, time, ffmpeg=settings.ffmpeg)
    if frame is None:
        raise UsageError(f"{video.title} has no stored frames. Ask about its text, without a time.")
    if frame.fallback_reason:
        console.notice(f"{frame.fallback_reason}; using the stored frame at {_time(frame.start)}.", quiet=quiet)
    with ExitStack() as stack:
        vision, _ = open_vision(stack, settings, notify=partial(console.notice, quiet=quiet))
        text = ask_image(question, frame.jpeg, vision)
    if not json:
        console.line(f"{one_line(text)} {_reference(video.title, frame.start)}" if text else _NOT_SEEN)
        return
    citation = {
        "n": 1,
        "video": {"id": video.id, "title": video.title, "path": video.path},
        "start": round(frame.start, 3),
        "end": round(frame.end, 3),
        "text": "",
    }
    answer_text = f"{text} [1]" if text else _NOT_SEEN
    console.document({"question": question, "answer": answer_text, "citations": [citation] if text else []})
