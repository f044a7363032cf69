"""Checks of every request before its handler, and headers of every response.

- `Host` must be an address of this server: a page of another site cannot reach it by DNS rebinding.
- Other sites may link to a page, but not load anything: `Sec-Fetch-Site` and `Origin`. There are no CORS headers.
- A request that changes something needs the token of this start, which only our pages contain, and JSON.
- With a pass phrase, a session cookie.
- The policy of the pages allows own files only, and nothing inline.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vidlocal.web.errors import error_response
from vidlocal.web.login import COOKIE, Login

TOKEN_HEADER = "x-vidlocal-token"
# Largest body of a request: a note, a question, a setting.
MAX_BODY_BYTES = 64 << 10

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_PUBLIC_PATHS = frozenset({"/login", "/static/style.css"})
_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(slots=True)
class Access:
    """Permissions of clients. `hosts`: allowed values of `Host`; `login`: None without a pass phrase."""

    hosts: Collection[str]
    login: Login | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Guard:
    """ASGI middleware with the checks of this module."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        path, method = scope["path"], scope["method"]
        if headers.get("host", "").lower() not in self._access.hosts:
            return error_response(421, "This address is not one of this server. Use the address that it printed.")
        if _is_cross_site(headers, is_page=method == "GET" and not path.startswith(("/api/", "/static/"))):
            return error_response(403, "Requests of other sites are refused.")
        if method not in _SAFE_METHODS and path != "/login":
            refusal = self._refusal_of_change(headers)
            if refusal is not None:
                return refusal
        login = self._access.login
        if login is None or path in _PUBLIC_PATHS:
            return None
        if login.has_session(cookie_parser(headers.get("cookie", "")).get(COOKIE, "")):
            return None
        if path.startswith("/api/"):
            return error_response(401, "Log in first: reload the page.")
        return RedirectResponse("/login", 303)

    def _refusal_of_change(self, headers: Headers) -> Response | None:
        token = headers.get(TOKEN_HEADER, "")
        if not secrets.compare_digest(token.encode(), self._access.token.encode()):
            return error_response(403, "The page is older than this start of the server. Reload it.")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return error_response(415, "The body must be JSON.")
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return error_response(411, "The length of the body is missing.")
        if len(length) > 12 or int(length) > MAX_BODY_BYTES:
            return error_response(413, f"The body is larger than {MAX_BODY_BYTES:,} bytes.")
        return None


def _is_cross_site(headers: Headers, *, is_page: bool) -> bool:
    """True for a request by a page of another site, except a link to one of our pages."""
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{headers.get('host', '').lower()}":
        return True
    site = headers.get("sec-fetch-site", "same-origin")
    if site in ("same-origin", "none"):
        return False
    return not (is_page and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document")


def _with_headers(send: Send) -> Send:
    async def add_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return add_headers
