"""The wheel and the source distribution."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> list[Path]:
    """Build wheel and source distribution of a copy of the files under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    copy = folder / "source"
    for name in filter(None, listed.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(copy)]
    subprocess.run(command, capture_output=True, check=True)
    return sorted((folder / "dist").iterdir())


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build(tmp_path_factory.mktemp("first"))


def test_two_builds_are_equal_byte_for_byte(packages: list[Path], tmp_path: Path) -> None:
    again = build(tmp_path)
    assert [package.name for package in packages] == [package.name for package in again]
    assert [hashlib.sha256(package.read_bytes()).digest() for package in packages] == [
        hashlib.sha256(package.read_bytes()).digest() for package in again
    ]


@pytest.mark.parametrize("checker", [["twine", "check", "--strict"], ["check-wheel-contents"]])
def test_the_packages_pass_the_checkers(packages: list[Path], checker: list[str]) -> None:
    names = [str(package) for package in packages if checker[0] == "twine" or package.suffix == ".whl"]
    program = str(Path(sys.executable).with_name(checker[0]))
    result = subprocess.run([program, *checker[1:], *names], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_wheel_has_data_and_manual_page_and_nothing_of_the_tests(packages: list[Path]) -> None:
    (wheel,) = (package for package in packages if package.suffix == ".whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"vidlocal/demo/a-year-outside.mp4", "vidlocal/media/metadata/cities.tsv.xz", "vidlocal/Modelfile"} <= names
    assert any(name.endswith("data/share/man/man1/vidlocal.1") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert wheel.stat().st_size < 5_000_000


def test_the_source_distribution_has_the_tests(packages: list[Path]) -> None:
    (source,) = (package for package in packages if package.suffix == ".gz")
    with tarfile.open(source) as archive:
        assert any(name.endswith("tests/system/test_package.py") for name in archive.getnames())


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_manual_page_has_no_warnings() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-z", str(ROOT / "docs" / "vidlocal.1")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
