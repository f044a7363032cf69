"""Completion of command lines, also in real shells, as a single word for any content."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import Run, add_video
from tests.support.terminal import OWN_TERMINAL
from vidlocal.cli import COMMANDS, load_command
from vidlocal.cli.ui.completion import ARGUMENTS, candidates
from vidlocal.cli.ui.shells import SCRIPTS, CursorWord, escape, split_line
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages
from vidlocal.store.database import Library

# A person may call a video anything. Each of these is one word to vidlocal, and dangerous to a careless shell.
ODD = (
    *("my wedding", "Paris: day 1", 'the "best" day', "it's Anna", "$HOME `id` !x", "café*", "back\\slash\\"),
    *("a;b&c|d>e(f)", "日本 旅行", "~root", "{a,b} #1 [x]? %s a=b"),
)


@pytest.fixture
def odd(library: Library) -> dict[str, int]:
    return {title: add_video(library, title, "hello") for title in ODD}


@pytest.fixture
def tagged(library: Library, wedding: int) -> None:
    with library.writing() as connection:
        connection.execute("INSERT INTO tags (frame_id, tag) VALUES (1, 'dance'), (1, 'first dance'), (1, 'cake')")
        connection.execute("UPDATE videos SET language = 'es'")


def words(library: Library, *line: str) -> list[str] | None:
    *before, typed = line
    found = candidates(before, typed, library.folder)
    return None if found is None else [offer.word for offer in found]


# ------------------------------------------------------------ what is offered


def test_argument_table_matches_the_commands() -> None:
    from typer.core import TyperArgument

    for name in COMMANDS:
        arguments = [item for item in load_command(name).params if isinstance(item, TyperArgument)]
        first = next(((item.metavar or str(item.name).upper()) for item in arguments), None)
        assert ARGUMENTS.get(name) == first, name


@pytest.mark.parametrize("command", ["show", "rm", "plan", "enrich", "export", "failed"])
def test_commands_about_videos_are_offered_videos(library: Library, wedding: int, command: str) -> None:
    assert words(library, command, "wed") == ["wedding-2019"]


def test_actions_on_speakers_and_their_names_are_offered(library: Library, wedding: int) -> None:
    names = ("Anna", "Aunt Mary", "SPEAKER_00")
    said = [Passage(30.0 + n, 31.0 + n, PassageKind.SPEECH, "Hello.", speaker=name) for n, name in enumerate(names)]
    passages.add(library, wedding, said)
    assert words(library, "speakers", "") == ["name", "merge", "split", "link", "unlink", "undo", "forget"]
    assert words(library, "search", "speaker:") == ["speaker:Anna", 'speaker:"Aunt Mary"']


def test_the_cluster_is_offered_its_actions(library: Library) -> None:
    assert words(library, "cluster", "") == ["start", "join", "status"]
    assert words(library, "cluster", "join", "") == []


@pytest.mark.parametrize("command", ["note", "ask", "similar"])
def test_commands_about_moments_are_offered_videos_and_wait_for_the_time(
    library: Library, wedding: int, command: str
) -> None:
    assert "wedding-2019@" in (words(library, command, "wed") or [])
    assert words(library, command, "wedding-2019@0:04", "wed") == []


@pytest.mark.parametrize("command", ["search", "clip", "ask"])
def test_the_video_option_is_offered_videos(library: Library, wedding: int, command: str) -> None:
    assert words(library, command, "bride", "--video", "WED") == ["wedding-2019"]
    assert words(library, command, "bride", "--video=wed") == ["--video=wedding-2019"]
    assert words(library, command, "--json", "--video", "wed") == ["wedding-2019"]


@pytest.mark.parametrize("command", ["search", "clip"])
def test_a_query_is_offered_its_filters_and_their_values(library: Library, tagged: None, command: str) -> None:
    assert words(library, command, "bride", "v") == ["video:"]
    assert words(library, command, "bride", "video:w") == ["video:wedding-2019"]
    assert words(library, command, "tag:d") == ["tag:dance"]
    assert words(library, command, "tag:first") == words(library, command, 'tag:"first') == ['tag:"first dance"']
    assert words(library, command, "kind:su") == ["kind:subtitle", "kind:summary"]
    assert words(library, command, "lang:") == ["lang:es"]
    assert words(library, command, "before:20") == []


def test_years_and_months_of_recordings_are_offered(library: Library, wedding: int) -> None:
    with library.writing() as connection:
        connection.execute("UPDATE videos SET recorded_at = '2019-06-15T14:00:00' WHERE id = ?", (wedding,))
    assert words(library, "search", "after:") == ["after:2019-06", "after:2019"]
    assert words(library, "search", "before:2019-") == ["before:2019-06"]


def test_commands_options_and_their_values_are_offered(library: Library) -> None:
    assert words(library, "se") == ["setup", "search", "serve"]
    assert words(library, "") == list(COMMANDS)
    assert words(library, "--v") == ["--verbose", "--version"]
    assert words(library, "search", "--ki") == ["--kind"]
    assert words(library, "search", "--kind", "sp") == ["speech"]
    assert words(library, "export", "-f", "ed") == ["edl"]
    assert words(library, "setup", "--profile", "") == ["light", "standard", "best"]
    assert words(library, "enrich", "over") == ["overnight"]
    assert words(library, "config", "vision") == ["vision_model"]
    assert words(library, "search", "--limit", "") == []
    assert words(library, "nonsense", "") == []


@pytest.mark.parametrize(
    "line", [("ingest", ""), ("clip", "x", "-o", ""), ("export", "--finetune", ""), ("show", "./w"), ("eval", "q")]
)
def test_where_a_file_belongs_the_shell_is_asked_for_one(library: Library, line: tuple[str, ...]) -> None:
    assert words(library, *line) is None


def test_unsafe_or_repeated_titles_complete_as_numbers(library: Library, evil: int) -> None:
    twins = [add_video(library, title, "x") for title in ("party", "Party")]
    dash, number = add_video(library, "-dash", "x"), add_video(library, "1", "x")
    assert words(library, "show", "") == [str(item) for item in (evil, *twins, dash, number)]
    notes = [offer.description for offer in candidates(["show"], "", library.folder) or []]
    assert all(note.isprintable() for note in notes)
    assert "party" in notes[1]


def test_a_title_with_quotes_is_a_number_in_a_query(library: Library, odd: dict[str, int]) -> None:
    known = words(library, "search", "video:") or []
    assert f"video:{odd[ODD[2]]}" in known
    assert 'video:"my wedding"' in known


# ------------------------------------------------------------ how a line is read and written


@pytest.mark.parametrize(
    ("line", "before", "typed"),
    [
        ("vidlocal show ", ["vidlocal", "show"], CursorWord("", "", 0)),
        ("vidlocal show my\\ w", ["vidlocal", "show"], CursorWord("my w", "", 0)),
        ("vidlocal show 'my w", ["vidlocal", "show"], CursorWord("my w", "'", 0)),
        ('vidlocal show "my \\"w', ["vidlocal", "show"], CursorWord('my "w', '"', 0)),
        ("vidlocal search video:we", ["vidlocal", "search"], CursorWord("video:we", "", 6)),
        ("vidlocal search 'a b' \"\" video:'we", ["vidlocal", "search", "a b", ""], CursorWord("video:we", "'", 6)),
        ("vidlocal show a\\:b", ["vidlocal", "show"], CursorWord("a:b", "", 0)),
        ("vidlocal show x\\", ["vidlocal", "show"], CursorWord("x", "", 0)),
    ],
)
def test_a_line_is_read_as_bash_reads_it(line: str, before: list[str], typed: CursorWord) -> None:
    assert split_line(line) == (before, typed)


def test_unquotable_characters_are_dropped() -> None:
    assert escape("it's", "'") is None
    assert escape("wow!", '"') is None
    assert escape("wow!", "") == "wow\\!"


# ------------------------------------------------------------ the program, asked as shells ask


def asked(shell: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"_VIDLOCAL_COMPLETE": f"complete_{shell}"} | variables
    return subprocess.run(
        [sys.executable, "-m", "vidlocal", *arguments], env=env, capture_output=True, text=True, check=False
    )


def test_each_shell_is_answered_in_its_own_way(wedding: int) -> None:
    assert asked("bash", COMP_LINE="vidlocal show wed").stdout == "wedding-2019\n"
    assert asked("bash", COMP_WORDS="vidlocal\nshow\nwed", COMP_CWORD="2").stdout == "wedding-2019\n"
    assert asked("zsh", "show", "wed").stdout == f"wedding-2019\t{wedding}, 0:20\n"
    assert asked("fish", "show", "'wed").stdout == f"wedding-2019\t{wedding}, 0:20\n"
    assert asked("zsh", "clip", "x", "-o", "").returncode == 3
    for shell in SCRIPTS:
        assert asked(shell, "show", "", COMP_LINE="vidlocal show ").stderr == ""


@pytest.mark.parametrize("settings", ["", "every = 'often'\n", "\0"])
def test_canary_pictures_are_answered_correctly(tmp_path: Path, settings: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text(settings)
    (tmp_path / "home" / "library.db").write_bytes(b"nonsense")
    for line in ("vidlocal search tag:", "vidlocal search --vid", "vidlocal 'x\\"):
        found = asked("bash", COMP_LINE=line)
        assert (found.returncode, found.stderr) == (0, "")
    assert asked("klingon", COMP_LINE="vidlocal ").stdout == ""


def test_no_library_is_made(tmp_path: Path) -> None:
    assert asked("bash", COMP_LINE="vidlocal show ").stdout == ""
    assert not (tmp_path / "home").exists()


def test_a_video_is_offered_without_importing_anything_heavy(wedding: int) -> None:
    env = os.environ | {"_VIDLOCAL_COMPLETE": "complete_bash", "COMP_LINE": "vidlocal enrich wed"}
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "vidlocal"], env=env, capture_output=True, text=True, check=True
    )
    assert found.stdout == "wedding-2019\n"
    imported = set(re.findall(r"\| +([\w.]+)$", found.stderr, re.MULTILINE))
    assert "vidlocal.cli.ui.completion" in imported
    assert not imported & {"numpy", "PIL", "pydantic", "rich.console", "httpx", "sqlite_utils", "vidlocal.cli.enrich"}


def test_options_are_offered_without_importing_anything_heavy() -> None:
    daily = ("show", "search", "ask", "enrich", "clip", "note", "similar", "export", "rm")
    line = f"import sys, vidlocal.cli as cli; [cli.load_command(name) for name in {daily}]; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout.split()
    assert "vidlocal.cli.enrich" in imported
    assert not set(imported) & {"numpy", "PIL", "pydantic", "rich.console", "httpx", "sqlite_utils", "av"}


# ------------------------------------------------------------ real shells


class Shell:
    """An interactive shell on a terminal of its own, with `vidlocal` as this program."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        (folder / "bin").mkdir()
        program = folder / "bin" / "vidlocal"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vidlocal "$@"\n')
        program.chmod(0o755)
        env = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(folder)}
        env |= {"PS1": "", "LC_ALL": "C.UTF-8"}
        self._terminal, theirs = pty.openpty()
        arguments = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[name]
        self._process = subprocess.Popen(
            [*OWN_TERMINAL, name, *arguments],
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        script = folder / "script"
        script.write_text(SCRIPTS[name])
        begin = "autoload -Uz compinit; compinit -u; " if name == "zsh" else ""
        self.run(f"{begin}source {script}")

    def close(self) -> None:
        os.close(self._terminal)
        self._process.kill()
        self._process.wait()

    def run(self, line: str) -> str:
        """Run a line. Returns its output."""
        os.write(self._terminal, f"{line}; printf '<%s>\\n' E''ND\r".encode())
        return self._until("<END>")

    def completed(self, line: str) -> list[str]:
        """Words of the shell for a line after the tabulator key."""
        os.write(self._terminal, f"{line}\t".encode())
        if self._name == "zsh":  # which completes nothing while more keys are waiting
            while select.select([self._terminal], [], [], 3)[0]:
                os.read(self._terminal, 65536)
        os.write(self._terminal, b"\x01printf '<%s>\\n' \x05 E''ND\r")
        return re.findall(r"^<(.*)>\r?$", self._until("<END>"), re.MULTILINE)[:-1]

    def _until(self, end: str) -> str:
        seen, deadline = b"", time.monotonic() + 30
        while end.encode() not in seen and time.monotonic() < deadline:
            if select.select([self._terminal], [], [], 1)[0]:
                seen += os.read(self._terminal, 65536)
        return seen.decode("utf-8", "replace")


@pytest.fixture(params=["bash", "zsh"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param} here")
    with closing(Shell(request.param, tmp_path)) as opened:
        yield opened


def test_real_shells_make_one_word_of_every_title(shell: Shell, odd: dict[str, int]) -> None:
    begun = {"$HOME `id` !x": "\\$", "~root": "\\~r", "{a,b} #1 [x]? %s a=b": "\\{", "a;b&c|d>e(f)": "a\\;"}
    for title in ODD:
        typed = begun.get(title, title[:2])
        assert shell.completed(f"vidlocal show {typed}") == ["vidlocal", "show", title]


def test_real_shells_complete_inside_quotes_and_behind_colons(shell: Shell, odd: dict[str, int], tagged: None) -> None:
    assert shell.completed('vidlocal show "my') == ["vidlocal", "show", "my wedding"]
    assert shell.completed("vidlocal show 'Paris: d") == ["vidlocal", "show", "Paris: day 1"]
    assert shell.completed("vidlocal show Paris:") == ["vidlocal", "show", "Paris: day 1"]
    assert shell.completed("vidlocal search tag:da") == ["vidlocal", "search", "tag:dance"]
    assert shell.completed('vidlocal search video:\\"my') == ["vidlocal", "search", 'video:"my wedding"']
    assert shell.completed("~/bin/vidlocal show it")[1:] == ["show", "it's Anna"]
    assert shell.completed("vidlocal search --video wed") == ["vidlocal", "search", "--video", "wedding-2019"]


def test_real_shells_offer_files_where_a_file_belongs(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "clip one.mp4").write_text("")
    assert shell.completed(f"vidlocal ingest {tmp_path}/cli") == ["vidlocal", "ingest", f"{tmp_path}/clip one.mp4"]


def test_fish_is_offered_every_title(odd: dict[str, int], tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("there is no fish here")
    (tmp_path / "vidlocal").write_text(f'#!/bin/sh\nexec {sys.executable} -m vidlocal "$@"\n')
    (tmp_path / "vidlocal").chmod(0o755)
    (tmp_path / "script").write_text(SCRIPTS["fish"])
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    line = f"source {tmp_path}/script; complete -C 'vidlocal show '"
    found = subprocess.run(["fish", "--no-config", "-c", line], env=env, capture_output=True, text=True, check=True)
    assert {item.partition("\t")[0] for item in found.stdout.splitlines()} == set(ODD)


# ------------------------------------------------------------ installing


def installed(shell: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`vidlocal` started from a program with the name of a shell."""
    home.mkdir(exist_ok=True)
    if not (home / shell).is_symlink():
        (home / shell).symlink_to("/bin/sh")
    env = {name: value for name, value in os.environ.items() if name != "XDG_CONFIG_HOME"} | {"HOME": str(home)}
    line = f"{sys.executable} -m vidlocal {' '.join(words)}; exit $?"
    return subprocess.run([home / shell, "-c", line], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("shell", "place", "rc"),
    [
        ("bash", ".bash_completions/vidlocal.sh", ".bashrc"),
        ("zsh", ".zfunc/_vidlocal", ".zshrc"),
        ("fish", ".config/fish/completions/vidlocal.fish", None),
    ],
)
def test_completion_is_installed_in_the_path_of_the_shell(
    tmp_path: Path, shell: str, place: str, rc: str | None
) -> None:
    home = tmp_path / "person"
    home.mkdir()
    if rc:
        (home / rc).write_bytes(b"# mine \xff")
    assert installed(shell, home, "--show-completion").stdout == SCRIPTS[shell]
    for _ in range(2):
        result = installed(shell, home, "--install-completion")
        assert result.returncode == 0, result.stderr
        assert str(home / place) in result.stderr
    assert (home / place).read_text() == SCRIPTS[shell]
    if rc:
        first, *more = (home / rc).read_bytes().splitlines()
        assert first == b"# mine \xff"
        assert len(more) == 1


def test_unwritable_path_is_a_message(tmp_path: Path) -> None:
    home = tmp_path / "person"
    home.mkdir()
    (home / ".zfunc").write_text("")
    result = installed("zsh", home, "--install-completion")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


def test_the_help_names_completion(run: Run) -> None:
    assert {"--install-completion", "--show-completion"} <= set(run("--help").stdout.split())


def test_a_video_is_offered_without_its_accents(library: Library) -> None:
    add_video(library, "Noël 2019", "snow")
    assert words(library, "show", "noe") == ["Noël 2019"]
