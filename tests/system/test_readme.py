"""The README contains working commands, and the commands of CI."""

import re
from pathlib import Path

import pytest

from vidlocal.cli import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def set_up_commands() -> list[str]:
    return re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)


def test_two_commands_are_all_the_set_up() -> None:
    demo, tests = set_up_commands()
    assert demo.endswith("vidlocal demo")
    assert tests.endswith("pytest")


def test_ci_runs_the_second_command_of_the_readme() -> None:
    install, run = set_up_commands()[1].split(" && ")[1:]
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert install.replace("pip install", "pip install -q") in script
    assert run in script


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_a_page_speaks_of_exists(page: Path) -> None:
    code = re.findall(r"^```\w+\n(.*?)^```|`([^`\n]+)`", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = "\n".join(part for parts in code for part in parts)
    spoken_of = set(re.findall(r"^(?:\$ )?vidlocal ([a-z]+)\b", lines, re.MULTILINE))
    assert spoken_of <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_page_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_command_stands_in_a_written_page() -> None:
    expected = (
        README + (ROOT / "docs" / "guide.md").read_text("utf-8") + (ROOT / "docs" / "overnight.md").read_text("utf-8")
    )
    assert [name for name in COMMANDS if f"vidlocal {name}" not in expected] == []
