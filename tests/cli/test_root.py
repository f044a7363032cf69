import errno
import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support import clips
from tests.support.commands import Run
from vidlocal import __version__, errors
from vidlocal.cli import COMMANDS, _Root, load_command
from vidlocal.store.database import Library

PROGRAM = [sys.executable, "-m", "vidlocal"]
HEAVY = ["av", "numpy", "PIL", "ollama", "httpx", "pywhispercpp", "rapidocr", "sqlite_utils", "rich", "pydantic"]


def failing_app(failure: Callable[[], None]) -> typer.Typer:
    """A program with a single command that raises a known error, under our root group."""
    program = typer.Typer(cls=_Root, rich_markup_mode=None)
    program.callback()(failure)
    program.info.invoke_without_command = True
    return program


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.MediaError, 4),
        (errors.ToolError, 5),
        (errors.EngineUnreachable, 5),
        (errors.StoreError, 6),
        (errors.SettingsError, 7),
    ],
)
def test_an_error_is_its_sentence_on_stderr_and_its_exit_code(kind: type[errors.VidlocalError], code: int) -> None:
    result = CliRunner().invoke(failing_app(raising(kind("The \x1b[31mdisk\nis gone."))))
    assert result.exit_code == code
    assert result.stderr == "The \ufffd[31mdisk is gone.\n"
    assert result.stdout == ""


def test_an_interrupted_command_ends_with_130() -> None:
    assert CliRunner().invoke(failing_app(raising(KeyboardInterrupt()))).exit_code == 130


def test_ctrl_c_while_the_program_loads_is_130_without_a_traceback() -> None:
    interrupted = """
import sys
class CtrlC:
    def find_spec(self, name, *more):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
from vidlocal.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_installed_command_begins_where_the_module_does() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["scripts"] == {"vidlocal": "vidlocal.__main__:main"}


def test_a_bug_keeps_its_traceback_without_control_characters_and_asks_for_a_report() -> None:
    result = CliRunner().invoke(failing_app(raising(ZeroDivisionError("by \x1b[2J zero"))))
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "by \ufffd[2J zero" in result.stderr
    assert "This is a bug in vidlocal." in result.stderr
    assert "\x1b" not in result.stderr


def test_a_full_disk_is_a_sentence_and_6() -> None:
    result = CliRunner().invoke(failing_app(raising(OSError(28, "No space left on device"))))
    assert result.exit_code == 6
    assert "disk is full" in result.stderr


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EROFS, errno.EACCES, errno.ESTALE])
def test_a_failure_of_the_system_is_a_sentence_and_6(number: int) -> None:
    error = OSError(number, os.strerror(number), "/mnt/disk/film.mp4")
    result = CliRunner().invoke(failing_app(raising(error)))
    assert result.exit_code == 6
    assert result.stderr.startswith(f"/mnt/disk/film.mp4: {os.strerror(number)}. ")
    assert "Traceback" not in result.stderr


def test_foreign_broken_pipe_is_an_error() -> None:
    assert CliRunner().invoke(failing_app(raising(BrokenPipeError(32, "Broken pipe")))).exit_code == 1


def test_help_lists_every_command_with_its_line(run: Run) -> None:
    shown = " ".join(run("--help").stdout.split())
    for name, (_, line) in COMMANDS.items():
        assert f"{name} {line}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_command_help_begins_with_its_line_in_the_list(run: Run, name: str) -> None:
    module, line = COMMANDS[name]
    doc = inspect.getdoc(import_module(f"vidlocal.cli.{module}").command)
    assert doc is not None
    assert doc.splitlines()[0] == line
    result = run(name, "-h")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: vidlocal {name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_offers_json(run: Run, name: str) -> None:
    assert "--json" in run(name, "--help").stdout


def test_help_is_plain_text_of_the_same_width_everywhere(run: Run) -> None:
    texts = {run("search", "--help", env={"COLUMNS": width}).stdout for width in ("60", "80", "200")}
    assert len(texts) == 1
    assert max(map(len, texts.pop().splitlines())) <= 80


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"vidlocal {__version__}\n"


@pytest.mark.parametrize("words", [(), ("serch",), ("--nonsense",), ("list", "--nonsense"), ("show",)])
def test_wrong_usage_is_2(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_misspelt_command_is_answered_with_the_nearest(run: Run) -> None:
    assert "'search'" in run("serch").stderr


def test_usage_errors_quote_safely(run: Run) -> None:
    assert "\x1b" not in run("show", "1", "--kind", "\x1b[31m\x9b").stderr
    assert "\x1b" not in run("\x1b[31m").stderr


def test_help_loads_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys, vidlocal.cli\n"
        "try: vidlocal.cli.app(['--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert not set(HEAVY) & set(loaded)
    assert not [name for name in loaded if name.startswith(("vidlocal.store", "vidlocal.cli.search"))]


@pytest.mark.parametrize("words", [["--help"], ["list"], ["show", "1"]])
def test_reader_leaving_early_is_not_a_failure(wedding: int, words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        result = subprocess.run([*PROGRAM, *words], stdout=gone, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 0
    assert result.stderr == b""


def test_a_closed_stdout_harms_nothing(wedding: int, library: Library) -> None:
    command = 'exec "$0" -m vidlocal list >&-'
    result = subprocess.run(["/bin/sh", "-c", command, sys.executable], stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert [row[0] for row in library.rows("PRAGMA integrity_check")] == ["ok"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_is_reported(wedding: int) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run([*PROGRAM, "list"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 6
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_in_good_order(wedding: int, number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [*PROGRAM, "status", "--watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()  # it is up
        program.send_signal(number)
        assert program.wait(timeout=30) == code
        assert "Traceback" not in program.stderr.read()


def test_undecodable_path_is_printed_safely() -> None:
    result = subprocess.run([*PROGRAM, "show", b"\xff\xfe.mp4"], capture_output=True, check=False)
    assert result.returncode in {2, 6}
    assert b"Traceback" not in result.stderr


def test_a_missing_library_is_6_and_says_how_to_start_one(run: Run) -> None:
    for words in (["list"], ["status"], ["show", "1"], ["rm", "1"], ["search", "bride"]):
        result = run(*words)
        assert result.exit_code == 6, words
        assert "vidlocal ingest PATH" in result.stderr
        assert result.stdout == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_values_in_capitals_and_ends_with_examples(run: Run, name: str) -> None:
    shown = run(name, "--help").stdout
    assert "<" not in shown
    assert "[default" not in shown
    examples = shown.partition("\nExamples:\n")[2].splitlines()
    assert examples
    for example in examples:
        assert re.search(rf"\bvidlocal (--home \S+ )?{name}\b", example) or name in ("pause", "help"), example


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_the_help_are_accepted_by_the_parser(name: str) -> None:
    command = load_command(name)
    for example in command.examples:  # type: ignore[attr-defined]
        for part in re.split(r"&& | \| ", example.partition("  #")[0]):
            words = shlex.split(part)
            if words[:2] == ["vidlocal", name]:
                with command.make_context(name, words[2:]) as parsed:
                    assert not parsed.resilient_parsing


@pytest.mark.parametrize("topic", ["query", "exit-codes", "settings", "scripting", "clip"])
def test_help_explains_topics_and_commands(run: Run, topic: str) -> None:
    assert len(run("help", topic).stdout.splitlines()) > 5


def test_help_without_a_topic_is_the_help_of_the_program(run: Run) -> None:
    shown = run("help").stdout
    assert shown.startswith(run("--help").stdout.rstrip())
    assert "vidlocal help query" in shown
    assert run("help", "nonsense").exit_code == 2


def test_home_before_the_command_names_the_data_directory(run: Run, wedding: int, tmp_path: Path) -> None:
    assert run("--home", str(tmp_path / "elsewhere"), "list").exit_code == 6
    assert run("--home", str(tmp_path / "home"), "list").exit_code == 0


@pytest.mark.parametrize("words", [["-v", "search", "bride"], ["search", "bride", "-v"], ["search", "-vv", "bride"]])
def test_verbose_shows_decisions(wedding: int, words: list[str]) -> None:
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=True)
    assert "query words 'bride'" in done.stderr
    assert "aisle" in done.stdout


def test_very_verbose_shows_calls(library: Library, tmp_path: Path) -> None:
    film = clips.numbered(tmp_path / "film.mp4", frames=20, rate="10")
    command = [*PROGRAM, "-vv", "ingest", "--later", str(film)]
    assert "start vidlocal.media." in subprocess.run(command, capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize(("words", "is_saved"), [(["status", "--watch"], False), (["worker", "--now"], True)])
def test_only_commands_that_keep_progress_say_so(
    wedding: int, words: list[str], is_saved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")  # that of this machine may have other models
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        (program.stderr if is_saved else program.stdout).readline()  # it is up
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=30) == 130
        message = program.stderr.read()
    assert "Interrupted." in message
    assert ("Progress is saved" in message) == is_saved
