"""Takes the screenshots of docs/web.md in a real browser, on the clip of the demo.

python docs/draw_web.py CHROMIUM
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # the server of the tests

from docs.draw_demo_clip import TARGET as CLIP
from tests.support.web_server import web_server

SIZE: ViewportSize = {"width": 1200, "height": 720}
SETTLED_MS = 2500


def main() -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name)
        subprocess.run([sys.executable, "-m", "vidlocal", "--home", name, "ingest", str(CLIP)], check=True)
        with web_server(home) as server:
            browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
            for name, path in (("search", "/?q=boat"), ("video", "/video/1?t=12&q=boat"), ("status", "/status")):
                is_dark = name == "video"
                page = browser.new_page(viewport=SIZE, color_scheme="dark" if is_dark else "light")
                page.goto(server.url + path)
                page.wait_for_timeout(SETTLED_MS)
                page.screenshot(path=Path(__file__).with_name(f"web-{name}.jpg"), type="jpeg", quality=70)


if __name__ == "__main__":
    main()
