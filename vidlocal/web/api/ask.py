"""Answers to questions, statement by statement."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from starlette.responses import StreamingResponse

from vidlocal.app.engines.hosts import open_writer
from vidlocal.app.search.ask import find_evidence
from vidlocal.errors import UsageError, VidlocalError
from vidlocal.records import Moment
from vidlocal.render import results
from vidlocal.render.sanitize import to_json
from vidlocal.search.ask import NO_ANSWER, Evidence, Statement, answer
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.web.api.search import refuse_people
from vidlocal.web.operations import Call

_Line = dict[str, object]


async def ask(call: Call) -> StreamingResponse:
    """Answer a question from the library: a JSON object per line, first the moments, then each statement."""
    if not call["question"].strip():
        raise UsageError("question: empty.")
    refuse_people(call, call["question"])
    settings = call.services.load()
    evidence = await asyncio.to_thread(_find, settings, call["question"])
    if not call.is_local:
        evidence = replace(evidence, moments=tuple(replace(moment, people=()) for moment in evidence.moments))
    return StreamingResponse(_lines(settings, call["question"], evidence), media_type="application/x-ndjson")


def _find(settings: Settings, question: str) -> Evidence:
    """Search in a thread of its own: the text model may take seconds, and searches wait for the threads of the pool."""
    with Library.open(settings.home) as library:
        return find_evidence(library, settings, question)


async def _lines(settings: Settings, question: str, evidence: Evidence) -> AsyncIterator[str]:
    yield _to_line({"notice": evidence.notice, "moments": results.to_records(evidence.moments)})
    if not evidence.moments:
        return
    lines: asyncio.Queue[_Line | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def put(line: _Line | None) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, line)

    writing = asyncio.create_task(asyncio.to_thread(_write, settings, question, evidence.moments, put))
    while (line := await lines.get()) is not None:
        yield _to_line(line)
    await writing


def _write(settings: Settings, question: str, moments: Sequence[Moment], put: Callable[[_Line | None], None]) -> None:
    def put_statement(statement: Statement) -> None:
        put({"text": statement.text, "citations": list(statement.citations)})

    try:
        with ExitStack() as stack:
            statements = answer(question, moments, open_writer(stack, settings), on_statement=put_statement)
        if not statements:
            put({"text": NO_ANSWER, "citations": []})
    except VidlocalError as error:
        put({"error": str(error)})
    finally:
        put(None)


def _to_line(line: _Line) -> str:
    return to_json(line) + "\n"
