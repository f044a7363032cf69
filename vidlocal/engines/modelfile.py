"""Our Modelfile, read as Ollama reads it: its HTTP API takes the parts, not the text.

The grammar is that of Ollama's parser (parser/parser.go), as far as our file goes: comments, FROM, SYSTEM
and PARAMETER with numbers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import ToolError

FILE_NAME = "Modelfile"

# The server answers 500 to a number of the other sort (Ollama's api.Options).
_SORTS: Mapping[str, type[int] | type[float]] = {
    "num_ctx": int,
    "num_predict": int,
    "num_keep": int,
    "seed": int,
    "top_k": int,
    "repeat_last_n": int,
    "temperature": float,
    "top_p": float,
    "min_p": float,
    "repeat_penalty": float,
}

_ADAPTER = (
    "ADAPTER is for another model than the one that vidlocal makes. Make it with: ollama create mymodel -f Modelfile, "
    "and use it with: vidlocal enrich --model mymodel"
)


@dataclass(frozen=True, slots=True)
class Modelfile:
    """What a model is made of."""

    base: str
    system: str
    parameters: Mapping[str, int | float]


def load_bundled() -> Modelfile:
    """The Modelfile that vidlocal ships. Raises ToolError when it is missing or cannot be read."""
    package = Path(__file__).resolve().parents[1]
    # In the wheel it lies in the package, in a checkout beside it, where `ollama create -f Modelfile` wants it.
    for folder in (package, package.parent):
        try:
            return parse((folder / FILE_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
    raise ToolError(
        "The Modelfile of vidlocal is missing. Install it again with: pip install --force-reinstall vidlocal"
    )


def parse(text: str) -> Modelfile:
    """The parts of a Modelfile. Raises ToolError, with the line, for what is not understood."""
    base, system, parameters = "", "", dict[str, int | float]()
    for line, word, value in _commands(text):
        if word == "FROM":
            base = value
        elif word == "SYSTEM":
            system = value
        elif word == "PARAMETER":
            name, _, number = value.partition(" ")
            parameters[name.lower()] = _number(name.lower(), number.strip(), line)
        elif word == "ADAPTER":
            raise _wrong(line, _ADAPTER)
        else:
            raise _wrong(line, f"{word} is not understood here")
    if not base:
        raise _wrong(1, "it names no model after FROM")
    return Modelfile(base, system, parameters)


def _commands(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, word and value of every command."""
    lines = iter(enumerate(text.removeprefix("\ufeff").splitlines(), 1))
    for number, line in lines:
        word, _, value = line.strip().partition(" ")
        if word and not word.startswith("#"):
            yield number, word.upper(), _unquoted(value.strip(), lines, number)


def _unquoted(value: str, lines: Iterator[tuple[int, str]], number: int) -> str:
    """A value without its quotes; what stands in three of them may go on over the next lines."""
    if not value.startswith('"""'):
        return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
    while not (value.endswith('"""') and len(value) >= 6):
        _, more = next(lines, (0, None))
        if more is None:
            raise _wrong(number, 'the """ is not closed')
        value = f"{value}\n{more}"
    return value[3:-3]


def _number(name: str, text: str, line: int) -> int | float:
    if name not in _SORTS:
        raise _wrong(line, f"{name} is no parameter that is understood here")
    try:
        return _SORTS[name](text)
    except ValueError as error:
        raise _wrong(line, f"{name} cannot be {text!r}") from error


def _wrong(line: int, why: str) -> ToolError:
    return ToolError(f"The Modelfile of vidlocal cannot be used: line {line}, {why}.")
