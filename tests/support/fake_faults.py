"""Faults of the fake Ollama server."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tests.support.fake_models import Json

if TYPE_CHECKING:
    from tests.support.fake_ollama import Exchange

Behaviour = Callable[["Exchange"], None]

RUNNER_CRASH = "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error"
SERVER_BUSY = "server busy, please try again.  maximum pending requests exceeded"


def hang(seconds: float = 60.0) -> Behaviour:
    """Accept and say nothing, until the server ends or the time is over; then the connection breaks."""

    def behave(exchange: "Exchange") -> None:
        exchange.fake.ended.wait(seconds)
        exchange.drop()

    return behave


def stall(seconds: float = 60.0) -> Behaviour:
    """Begin to answer, then say nothing more."""

    def lines(exchange: "Exchange") -> Iterable[Json]:
        yield exchange.part("A ")
        exchange.fake.ended.wait(seconds)

    return lambda exchange: exchange.send_lines(lines(exchange), cut=True)


def trickle(seconds_between: float, words: int = 10_000) -> Behaviour:
    """Speak for ever, a word at a time."""

    def lines(exchange: "Exchange") -> Iterable[Json]:
        for number in range(words):
            if exchange.fake.ended.wait(seconds_between):
                return
            yield exchange.part(f"word{number} ")

    return lambda exchange: exchange.send_lines(lines(exchange))


def refuse() -> Behaviour:
    """Close the connection without a word."""
    return lambda exchange: exchange.drop()


def delay(seconds: float) -> Behaviour:
    """Answer as usual, but late."""

    def behave(exchange: "Exchange") -> None:
        exchange.fake.ended.wait(seconds)
        exchange.usual()

    return behave


def broken(error: object = RUNNER_CRASH, status: int = 500) -> Behaviour:
    return lambda exchange: exchange.fail(status, error)


def busy(*, retry_after: int | None = None, status: int = 503) -> Behaviour:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda exchange: exchange.send_json({"error": SERVER_BUSY}, status, headers)


def redirect(location: str) -> Behaviour:
    return lambda exchange: exchange.send_bytes(307, b"", "text/plain", {"Location": location})


def body(content: bytes, *, status: int = 200, kind: str = "application/json") -> Behaviour:
    return lambda exchange: exchange.send_bytes(status, content, kind)


def lines(*parts: object, cut: bool = False) -> Behaviour:
    return lambda exchange: exchange.send_lines(parts, cut=cut)


def say(text: str, *, done: bool = True, reason: str | None = "stop", thinking: str = "") -> Behaviour:
    return lambda exchange: exchange.speak(text, done=done, reason=reason, thinking=thinking)


def break_off(error: object) -> Behaviour:
    """Speak a little, then an error line inside the stream."""
    return lambda exchange: exchange.send_lines([exchange.part("A "), {"error": error}])


_NESTED = {"error": {"code": 500, "message": "failed to process image", "type": "server_error"}}
_CUT_LINE = b'{"model":"llava:7b","message":{"role":"assistant","content":"A bri'
# Replies that no caption may come from.
GARBAGE: dict[str, Behaviour] = {
    "html_502": body(b"<html><h1>502 Bad Gateway</h1></html>", status=502, kind="text/html"),
    "html_200": body(b"<html><body>Sign in</body></html>", kind="text/html"),
    "array": body(b"[]\n"),
    "null": body(b"null\n"),
    "empty_body": body(b""),
    "truncated_line": lines(_CUT_LINE),
    "cut_connection": lines(_CUT_LINE, cut=True),
    "never_done": say("A bride walks down the aisle.", done=False),
    "empty_content": say(""),
    "thinking_only": say("", thinking="The user wants a description."),
    "token_loop": say("the the " * 300),
    "cut_at_num_predict": say('{"description": "A bride walks down the ai', reason="length"),
    "megabyte_caption": say("A bride with flowers walks down the aisle. " * 24_000),
    "invalid_utf8": lines(
        b'{"message":{"role":"assistant","content":"caf\xff\xfe"},"done":true,"done_reason":"stop"}\n'
    ),
    "error_line": break_off("an error was encountered while running the model"),
    "nested_error_line": break_off(_NESTED),
    "no_message": lines({"done": True, "done_reason": "stop"}),
    "loaded_only": say("", reason="load"),
    "nested_line": lines(b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"),
    "number_of_5000_digits": lines(b'{"eval_count":' + b"9" * 5_000 + b',"done":true,"done_reason":"stop"}\n'),
}
