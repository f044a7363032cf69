"""Errors as JSON: `{"error": "a sentence"}`."""

import logging

from starlette.responses import Response

from vidlocal import errors
from vidlocal.render.sanitize import to_json

# The first that fits counts.
_STATUS_CODES: dict[type[errors.VidlocalError], int] = {
    errors.LibraryMissing: 404,
    errors.UsageError: 400,
    errors.SettingsError: 400,
    errors.MediaError: 422,
    errors.EngineError: 503,
    errors.ToolError: 503,
    errors.StoreError: 503,
}

_log = logging.getLogger(__name__)


class NotFound(errors.UsageError):
    """The video, frame or passage does not exist."""


class Forbidden(errors.UsageError):
    """The server does not allow this request."""


def error_response(status_code: int, sentence: str) -> Response:
    """Return an error as JSON."""
    return Response(to_json({"error": sentence}), status_code, media_type="application/json")


def response_of(error: Exception) -> Response:
    """Return the response for an exception of a handler. Unexpected exceptions are bugs, and are logged."""
    if isinstance(error, NotFound):
        return error_response(404, str(error))
    if isinstance(error, Forbidden):
        return error_response(403, str(error))
    for kind, status_code in _STATUS_CODES.items():
        if isinstance(error, kind):
            return error_response(status_code, str(error))
    _log.error("bug in a request", exc_info=error)
    return error_response(500, "This is a bug in vidlocal. The log of the server has the details.")
