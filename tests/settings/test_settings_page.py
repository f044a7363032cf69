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


def test_the_example_on_the_page_loads(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "settings.toml").write_text(example[1], encoding="utf-8")
    assert settings.load(env={"VIDLOCAL_HOME": str(tmp_path)}).vision_model == "moondream"
