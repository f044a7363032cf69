"""The web application: pages, static files and the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import anyio
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from vidlocal.version import __version__
from vidlocal.web.api import OPERATIONS
from vidlocal.web.errors import error_response
from vidlocal.web.guard import Access, Guard
from vidlocal.web.login import COOKIE
from vidlocal.web.operations import Operation, is_local
from vidlocal.web.services import Services

PREFIX = "/api/v1"
_FOLDER = Path(__file__).parent
# Seconds before the answer to a wrong pass phrase.
_WRONG_PHRASE_S = 1.0
_MAX_FORM_BYTES = 4096
_SESSION_S = 30 * 24 * 3600

# Pages, all made by the same script from the API.
PAGES = (
    "/",
    "/video/{video:int}",
    "/videos",
    "/people",
    "/people/{person:int}",
    "/status",
    "/ask",
    "/settings",
    "/welcome",
)

_templates = Environment(loader=FileSystemLoader(_FOLDER / "templates"), autoescape=select_autoescape(["html"]))


def create_application(services: Services, access: Access) -> Starlette:
    """Create the application. Its services end with the application."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(services.close)

    pages = [Route(path, partial(_page, services, access), methods=["GET"]) for path in PAGES]
    return Starlette(
        routes=[
            *(_route(operation, services) for operation in OPERATIONS),
            *pages,
            Route("/login", partial(_login, access, asyncio.Lock()), methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=_FOLDER / "static")),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={404: _not_found, 405: _wrong_method},
        lifespan=lifespan,
    )


def _route(operation: Operation, services: Services) -> Route:
    async def respond(request: Request) -> Response:
        return await operation.respond(request, services)

    path = operation.path.replace("}", ":int}")
    return Route(PREFIX + path, respond, methods=[operation.method])


async def _page(services: Services, access: Access, request: Request) -> Response:
    page = _templates.get_template("page.html")
    text = page.render(
        token=access.token, version=__version__, read_only=services.read_only, is_local=is_local(request)
    )
    return HTMLResponse(text)


async def _login(access: Access, lock: asyncio.Lock, request: Request) -> Response:
    """Show the form, or check pass phrases one at a time, as each check takes 128 MB."""
    if access.login is None:
        return RedirectResponse("/", 303)
    if request.method == "GET":
        return _login_form(is_wrong=False)
    session, phrase = None, await _phrase(request)
    if phrase is not None:
        async with lock:
            session = await anyio.to_thread.run_sync(access.login.open_session, phrase)
    if session is None:
        await anyio.sleep(_WRONG_PHRASE_S)
        return _login_form(is_wrong=True)
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, session, max_age=_SESSION_S, httponly=True, samesite="strict", path="/")
    return response


def _login_form(*, is_wrong: bool) -> Response:
    """Return the form. With `no-referrer`, as on the other pages, browsers would send the origin `null`."""
    text = _templates.get_template("login.html").render(is_wrong=is_wrong)
    return HTMLResponse(text, 403 if is_wrong else 200, headers={"referrer-policy": "same-origin"})


async def _phrase(request: Request) -> str | None:
    """Return the pass phrase of the login form; None for anything else."""
    if not 0 < int(request.headers.get("content-length", "0") or 0) <= _MAX_FORM_BYTES:
        return None
    body = (await request.body()).decode("utf-8", "replace")
    return next(iter(parse_qs(body).get("phrase", [])), None)


async def _not_found(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return error_response(404, "No such address. The list: docs/openapi.json")
    return HTMLResponse(_templates.get_template("not_found.html").render(), 404)


async def _wrong_method(request: Request, error: Exception) -> Response:
    return error_response(405, f"{request.method} is not possible here.")
