"""Takes the screenshots of docs/web.md in a real browser, on the clip of the demo and on drawn people.

python docs/draw_web.py CHROMIUM
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # the server of the tests

from docs.draw_demo_clip import TARGET as CLIP
from docs.draw_people import make_people_library
from tests.support.web_server import web_server

SIZE: ViewportSize = {"width": 1200, "height": 700}
SETTLED_MS = 2500


def main() -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        films, family = Path(name, "films"), Path(name, "family")
        subprocess.run([sys.executable, "-m", "vidlocal", "--home", str(films), "ingest", str(CLIP)], check=True)
        make_people_library(family)
        browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
        pages = (("search", "/?q=boat"), ("video", "/video/1?t=12&q=boat"), ("status", "/status"))
        _take(browser, films, pages)
        _take(browser, family, (("people", "/people"),))


def _take(browser: Browser, home: Path, pages: Sequence[tuple[str, str]]) -> None:
    with web_server(home) as server:
        for name, path in pages:
            page = browser.new_page(viewport=SIZE, color_scheme="dark" if name == "video" else "light")
            page.goto(server.url + path)
            page.wait_for_timeout(SETTLED_MS)
            page.screenshot(path=Path(__file__).with_name(f"web-{name}.jpg"), type="jpeg", quality=70)


if __name__ == "__main__":
    main()
