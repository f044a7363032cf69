"""The constraint files of the oldest and the newest supported dependencies."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def dependencies() -> dict[str, Requirement]:
    """Return the direct dependencies of the program and of the extras in use by the tests, by name."""
    extras = PROJECT["optional-dependencies"]
    (own,) = (Requirement(line) for line in extras["test"] if line.startswith("vidlocal["))
    lines = [*PROJECT["dependencies"], *(line for extra in sorted(own.extras) for line in extras[extra])]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def constraints(name: str) -> dict[str, Version]:
    text = (ROOT / "constraints" / f"{name}.txt").read_text("utf-8")
    return {package: Version(version) for package, version in re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)}


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    bounds = {
        name: Version(next(part.version for part in requirement.specifier if part.operator == ">="))
        for name, requirement in dependencies().items()
    }
    assert constraints("oldest") == bounds


@pytest.mark.parametrize("name", dependencies())
def test_the_newest_version_is_supported(name: str) -> None:
    newest = constraints("newest")[name]
    assert newest in dependencies()[name].specifier
    assert newest >= constraints("oldest")[name]
