"""Operations of the API: parameters, checks of their values, and the call of the handler.

The table of all operations is `vidlocal.web.api.OPERATIONS`; routes and the OpenAPI document are made from it.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vidlocal.errors import UsageError
from vidlocal.render.sanitize import to_json
from vidlocal.web.errors import Forbidden, response_of
from vidlocal.web.services import Services

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Kind = Literal["string", "integer", "number", "boolean", "integers"]

_LOCAL_ONLY = "Only on the machine of the server: this concerns its files, programs or settings, or people."
_MAX_TEXT_CHARACTERS = 20_000
_MAX_ENTRIES = 10_000
_MAX_NUMBER = 2**53
_BODY_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value of the path, the query or the body. `choices`: allowed values; a number lies in `minimum`..`maximum`."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: object = None
    minimum: float = 0
    maximum: float = _MAX_NUMBER
    choices: Sequence[str] = ()

    def parse(self, raw: object) -> object:
        """Check and convert a raw value. Raises UsageError."""
        if raw is None:
            if self.required:
                raise UsageError(f"{self.name} is missing: {self.description}")
            return self.default
        try:
            value = _PARSERS[self.kind](raw)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{self.name}: not a value of type {self.kind}.") from None
        if isinstance(value, str):
            self._check_text(value)
        elif not isinstance(value, bool) and isinstance(value, int | float) and not self._is_in_range(value):
            raise UsageError(f"{self.name}: not between {self.minimum:g} and {self.maximum:g}.")
        return value

    def _check_text(self, value: str) -> None:
        if self.choices and value not in self.choices:
            raise UsageError(f"{self.name}: not one of {', '.join(self.choices)}.")
        if len(value) > _MAX_TEXT_CHARACTERS:
            raise UsageError(f"{self.name}: longer than {_MAX_TEXT_CHARACTERS:,} characters.")

    def _is_in_range(self, value: float) -> bool:
        return math.isfinite(value) and self.minimum <= value <= self.maximum


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise TypeError
    return raw.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "")


def _integer(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | str) or (isinstance(raw, str) and len(raw) > 20):
        raise TypeError
    return int(raw)


def _number(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise TypeError
    return float(raw)


def _boolean(raw: object) -> bool:
    words = {"1": True, "true": True, "0": False, "false": False}
    if isinstance(raw, bool):
        return raw
    if not isinstance(raw, str) or raw not in words:
        raise TypeError
    return words[raw]


def _integers(raw: object) -> list[int]:
    if not isinstance(raw, list) or len(raw) > _MAX_ENTRIES or any(type(entry) is not int for entry in raw):
        raise TypeError
    if not all(abs(entry) <= _MAX_NUMBER for entry in raw):
        raise ValueError
    return raw


_PARSERS: Mapping[Kind, Callable[[object], object]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "integers": _integers,
}


def is_local(request: Request) -> bool:
    """Return True for a request from this machine."""
    client = request.client
    return client is not None and (client.host.startswith("127.") or client.host == "::1")


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request. `values`: the parameters by name; `is_local`: from this machine."""

    values: Mapping[str, Any]
    services: Services
    request: Request

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def is_local(self) -> bool:
        return is_local(self.request)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API. The first line of the handler's docstring describes it.

    `path` is below /api/v1; a name in braces is a parameter. `handler`: a coroutine function of the call, or a function
    of library and call, run in a thread. `changes`: refused by a read-only server; `local_only`: refused to other
    machines. `media_type` of the response: JSON unless the handler returns a Response.
    """

    method: Method
    path: str
    handler: Callable[..., Any]
    query: Sequence[Parameter] = ()
    body: Sequence[Parameter] = ()
    changes: bool = False
    local_only: bool = False
    media_type: str = "application/json"

    @property
    def summary(self) -> str:
        return (self.handler.__doc__ or "").strip().partition("\n")[0]

    @property
    def path_parameters(self) -> list[Parameter]:
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        return [Parameter(name, "integer", f"Id of the {name}.", required=True, minimum=1) for name in names]

    async def respond(self, request: Request, services: Services) -> Response:
        """Check a request, call the handler, and return the response, also for its errors."""
        try:
            if self.changes and services.read_only:
                raise Forbidden("This server is read-only. Start it without --read-only.")
            call = Call(await self._values(request), services, request)
            if self.local_only and not call.is_local:
                raise Forbidden(_LOCAL_ONLY)
            if iscoroutinefunction(self.handler):
                result = await self.handler(call)
            else:
                result = await services.libraries.run(lambda library: self.handler(library, call))
        except Exception as error:
            return response_of(error)
        return result if isinstance(result, Response) else JsonResponse(result)

    async def _values(self, request: Request) -> dict[str, object]:
        values = {
            parameter.name: parameter.parse(request.path_params[parameter.name]) for parameter in self.path_parameters
        }
        values |= {
            parameter.name: parameter.parse(request.query_params.get(parameter.name)) for parameter in self.query
        }
        if self.method != "GET":
            body = await _read_body(request)
            values |= {parameter.name: parameter.parse(body.get(parameter.name)) for parameter in self.body}
        return values


class JsonResponse(JSONResponse):
    """JSON as in `--json`: control characters and lone surrogates are escaped."""

    def render(self, content: object) -> bytes:
        return to_json(content).encode("utf-8")


async def _read_body(request: Request) -> Mapping[str, object]:
    try:
        raw = await asyncio.wait_for(request.body(), _BODY_TIMEOUT_S)
    except TimeoutError:
        raise UsageError(f"The body did not arrive within {_BODY_TIMEOUT_S:g} s.") from None
    try:
        body = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise UsageError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise UsageError("The body is not a JSON object.")
    return body
