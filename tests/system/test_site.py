"""The documentation site builds without a warning, and loads nothing from elsewhere."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "build" / "site"


def test_every_page_is_in_the_site_and_in_its_search(site: Path) -> None:
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")}
    assert {page.stem for page in site.glob("*.html")} - {"404"} == pages
    index = (site / "search.json").read_text("utf-8")
    assert all(f"{page}.html" in index for page in pages)


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loading = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?https?:[^>]*")
    links = [link for page in site.glob("*.html") for link in loading.findall(page.read_text("utf-8"))]
    assert [link for link in links if "canonical" not in link] == []
    assert "data-md-source" not in (site / "index.html").read_text("utf-8")  # asks a host of repositories for stars


def test_the_gallery_uses_options_that_exist(run: Run) -> None:
    page = (ROOT / "docs" / "gallery.md").read_text("utf-8")
    lines = [part for line in re.findall(r"^vidlocal .*$", page, re.MULTILINE) for part in line.split(" | ")]
    assert len(lines) > 20
    for line in lines:
        _, command, *words = shlex.split(line, comments=True)
        help_text = run(command, "--help").stdout
        options = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
        assert {option for option in options if not re.search(rf"(?<![\w-]){option}\b", help_text)} == set(), line
