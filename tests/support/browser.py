"""Chromium by Playwright, if installed."""

import shutil
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

OpenPage = Callable[..., Page]

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: Page) -> str:
    """Return a report on the violations of WCAG 2.2 AA by a page, empty without any."""
    found = Axe().run(page, options={"runOnly": _RULES})
    return str(found.generate_report()) if found.violations_count else ""
