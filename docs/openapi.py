"""The OpenAPI document of the web API, made from its table of operations."""

import json
from collections.abc import Sequence

from vidlocal.web.api import OPERATIONS
from vidlocal.web.application import PREFIX
from vidlocal.web.operations import Operation, Parameter

_INTRODUCTION = (
    "The API of `vidlocal serve`, which the page itself uses. Times are seconds from the start of a video. A request "
    "that changes something needs the header `X-Vidlocal-Token` with the token in the page. Errors are "
    '`{"error": "a sentence"}`.'
)
_ERRORS = {
    "400": "Invalid value.",
    "401": "Not logged in.",
    "403": "Refused: read-only, another site, or an old page.",
    "404": "No such video, frame, passage or library.",
    "422": "A file that cannot be read.",
    "503": "The library or a model server cannot be used.",
}


def openapi_document() -> str:
    """Return the document as JSON."""
    paths: dict[str, dict[str, object]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "vidlocal", "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": PREFIX}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Vidlocal-Token"}},
            "schemas": {
                "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
            },
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _operation(operation: Operation) -> dict[str, object]:
    content = {operation.media_type: {"schema": {"type": "object"}} if "json" in operation.media_type else {}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    described: dict[str, object] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "parameters": [_parameter(parameter, "path") for parameter in operation.path_parameters]
        + [_parameter(parameter, "query") for parameter in operation.query],
        "responses": {"200": {"description": "Done.", "content": content}}
        | {status: {"description": text, "content": error} for status, text in _ERRORS.items()},
    }
    if operation.method != "GET":
        described["security"] = [{"token": []}]
        described["requestBody"] = {"content": {"application/json": {"schema": _body(operation.body)}}}
    return described


def _body(parameters: Sequence[Parameter]) -> dict[str, object]:
    return {
        "type": "object",
        "required": [parameter.name for parameter in parameters if parameter.required],
        "properties": {
            parameter.name: _schema(parameter) | {"description": parameter.description} for parameter in parameters
        },
    }


def _parameter(parameter: Parameter, place: str) -> dict[str, object]:
    return {
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": _schema(parameter),
    }


def _schema(parameter: Parameter) -> dict[str, object]:
    if parameter.kind == "integers":
        return {"type": "array", "items": {"type": "integer"}}
    schema: dict[str, object] = {"type": parameter.kind}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.kind in ("integer", "number"):
        schema |= {"minimum": parameter.minimum, "maximum": parameter.maximum}
    if parameter.default is not None:
        schema["default"] = parameter.default
    return schema
