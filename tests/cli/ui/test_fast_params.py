from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from vidlocal.cli.ui.command import Command

app = typer.Typer(rich_markup_mode=None)


class Fruit(StrEnum):
    APPLE = "apple"
    PEAR = "pear"


@app.command(cls=Command)
def echo(
    words: Annotated[list[str], typer.Argument()],
    number: Annotated[int, typer.Option(min=1, max=9)] = 3,
    fruit: Annotated[list[Fruit] | None, typer.Option()] = None,
    folder: Annotated[Path | None, typer.Option()] = None,
    share: Annotated[float, typer.Option()] = 0.5,
    switch: Annotated[bool, typer.Option("--switch")] = False,
) -> None:
    """Print the parsed values."""
    print(words, number, None if fruit is None else [each.name for each in fruit], folder, share, switch)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (["a", "b"], "['a', 'b'] 3 None None 0.5 False"),
        (["a", "--number", "9"], "['a'] 9 None None 0.5 False"),
        (["a", "--fruit", "pear", "--fruit", "apple"], "['a'] 3 ['PEAR', 'APPLE'] None 0.5 False"),
        (["a", "--folder", "/x", "--share", "0.25", "--switch"], "['a'] 3 None /x 0.25 True"),
    ],
)
def test_values_are_read_as_typer_reads_them(typed: list[str], shown: str) -> None:
    assert CliRunner().invoke(app, typed).stdout == f"{shown}\n"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ([], "Missing argument"),
        (["a", "--number", "x"], "'--number': 'x' is not a whole number."),
        (["a", "--number", "10"], "'--number': 10 is out of range; it takes 1 to 9."),
        (["a", "--fruit", "plum"], "'--fruit': 'plum' is not one of apple, pear."),
        (["a", "--share", "x"], "'--share'"),
    ],
)
def test_invalid_value_is_a_usage_error_with_its_reason(typed: list[str], reason: str) -> None:
    result = CliRunner().invoke(app, typed)
    assert result.exit_code == 2
    assert reason in result.stderr
