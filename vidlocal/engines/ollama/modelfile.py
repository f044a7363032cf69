"""Parser for the bundled Modelfile: the HTTP API of Ollama takes the parts, not the text.

The grammar is a subset of Ollama's (parser/parser.go): comments, FROM, SYSTEM, and PARAMETER with numbers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import ToolError

FILE_NAME = "Modelfile"

# The server answers 500 to a number of the other type (api.Options of Ollama).
_TYPES: Mapping[str, type[int] | type[float]] = {
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
    "ADAPTER is not supported here. Run: ollama create mymodel -f Modelfile, then: vidlocal enrich --model mymodel"
)


@dataclass(frozen=True, slots=True)
class Modelfile:
    """Base model, system prompt and parameters of a model."""

    base: str
    system: str
    parameters: Mapping[str, int | float]


def load_bundled() -> Modelfile:
    """Read the Modelfile of vidlocal. Raises ToolError if missing or invalid."""
    package = Path(__file__).resolve().parents[2]
    # In a wheel the file is in the package; in a checkout beside it, for `ollama create -f Modelfile`.
    for folder in (package, package.parent):
        try:
            return parse((folder / FILE_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
    raise ToolError(f"{FILE_NAME} of vidlocal not found. Run: pip install --force-reinstall vidlocal")


def parse(text: str) -> Modelfile:
    """Parse a Modelfile. Raises ToolError with the line number of unsupported syntax."""
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
            raise _syntax_error(line, _ADAPTER)
        else:
            raise _syntax_error(line, f"{word} is not supported here")
    if not base:
        raise _syntax_error(1, "no model after FROM")
    return Modelfile(base, system, parameters)


def _commands(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, word and value of every command."""
    lines = iter(enumerate(text.removeprefix("\ufeff").splitlines(), 1))
    for number, line in lines:
        word, _, value = line.strip().partition(" ")
        if word and not word.startswith("#"):
            yield number, word.upper(), _unquote(value.strip(), lines, number)


def _unquote(value: str, lines: Iterator[tuple[int, str]], number: int) -> str:
    """Remove the quotes of a value. A value in triple quotes may continue on the next lines."""
    if not value.startswith('"""'):
        return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
    while not (value.endswith('"""') and len(value) >= 6):
        _, line = next(lines, (0, None))
        if line is None:
            raise _syntax_error(number, 'the """ is not closed')
        value = f"{value}\n{line}"
    return value[3:-3]


def _number(name: str, text: str, line: int) -> int | float:
    if name not in _TYPES:
        raise _syntax_error(line, f"unknown parameter {name}")
    try:
        return _TYPES[name](text)
    except ValueError as error:
        raise _syntax_error(line, f"invalid value {text!r} for {name}") from error


def _syntax_error(line: int, problem: str) -> ToolError:
    return ToolError(f"{FILE_NAME}, line {line}: {problem}.")
