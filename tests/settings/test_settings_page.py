"""docs/settings.md is the table of settings, and its example is a settings file."""

import re
from pathlib import Path

from docs import generate
from vidlocal import settings
from vidlocal.settings.table import TABLE

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == generate.settings_page()


def test_every_setting_is_on_the_page_with_its_variable() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{setting.name}` |" in text and f"`{setting.env}`" in text for setting in TABLE)


def test_the_commented_file_has_every_setting_and_loads_as_the_defaults(tmp_path: Path) -> None:
    lines = re.findall(r"^# (\w+ = .*)$", (PAGE.parent / "settings.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert [line.split(" = ")[0] for line in lines] == [setting.name for setting in TABLE if setting.in_file]
    (tmp_path / "settings.toml").write_text("\n".join(line for line in lines if not line.endswith('""')), "utf-8")
    env = {"VIDLOCAL_HOME": str(tmp_path)}
    loaded = settings.load(env=env)
    (tmp_path / "settings.toml").unlink()
    assert loaded == settings.load(env=env)
