"""Renames never replace files, and can be undone."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.support.fake_faults import say
from tests.support.fake_ollama import FakeOllama
from tests.support.injection import PROBES
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.prompts import organize_prompts
from vidlocal.engines.served.models import ServedText
from vidlocal.media.files import read_stamp
from vidlocal.organize import journal as move_journal
from vidlocal.organize import moves
from vidlocal.organize.proposal import Move, Proposal
from vidlocal.organize.propose import propose
from vidlocal.records import MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return folder


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


@pytest.fixture
def writer(server: FakeOllama) -> Iterator[ServedText]:
    with Ollama(server.host) as ollama:
        yield ServedText(ollama, ollama.preflight("phi3.5", "completion"))


def take_in(library: Library, path: Path, *, date: str | None = "2019-06-02T10:00:00Z", summary: str = "") -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film " + os.fsencode(path))
    return videos.add(
        library,
        content_hash=str(path).encode("utf-8", "surrogateescape").hex(),
        path=path,
        stamp=read_stamp(path),
        probe=Probe(kind=MediaKind.VIDEO, duration=60.0, recorded_at=date),
        frame_drafts=[],
        text_passages=[Passage(0.0, 60.0, PassageKind.SUMMARY, summary)] if summary else [],
        plan=[],
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def apply(library: Library, proposal: Proposal) -> moves.MoveResult:
    return moves.apply_moves(library, proposal.folder, proposal.moves)


def targets(proposal: Proposal) -> list[str]:
    return [str(move.target.relative_to(proposal.folder)) for move in proposal.moves]


def test_without_a_model_files_go_by_date_and_title(library: Library, films: Path) -> None:
    take_in(library, films / "a.mp4")
    take_in(library, films / "DCIM" / "100GOPRO" / "b.MOV", date=None)
    proposal = propose(library, films, None)
    assert targets(proposal) == ["2019/2019-06-02 a.mp4", "undated/b.MOV"]
    assert set(tree(films)) == {"a.mp4", "DCIM/100GOPRO/b.MOV"}


def test_tidy_files_stay(library: Library, films: Path) -> None:
    take_in(library, films / "a.mp4")
    take_in(library, films / "x" / "a.mp4")
    apply(library, propose(library, films, None))
    assert set(tree(films)) == {"2019/2019-06-02 a.mp4", "2019/2019-06-02 a 2.mp4"}
    assert propose(library, films, None).moves == ()


@pytest.mark.parametrize(
    ("path", "recorded", "target"),
    [
        ("VID_20230714_153012.mp4", None, "2023/VID_20230714_153012.mp4"),
        ("VID_20230714_153012.mp4", "2019-06-02T10:00:00Z", "2019/2019-06-02 VID_20230714_153012.mp4"),
        ("VID_20230715_003000.mp4", "2023-07-14T22:30:00Z", "2023/VID_20230715_003000.mp4"),
        ("DCIM/Camera/PXL_20230714_153012345.mp4", None, "2023/PXL_20230714_153012345.mp4"),
        ("2022/VID-20230714-WA0001.mp4", None, "2023/VID-20230714-WA0001.mp4"),
        ("undated/clip.mp4", "2019-06-02T10:00:00Z", "2019/2019-06-02 clip.mp4"),
        ("2023-07 Lisbon/clip.mp4", "2023-07-14T10:00:00Z", "2023-07 Lisbon/2023-07-14 clip.mp4"),
        ("Wedding Anna/DCIM/clip.mp4", "2023-07-14T10:00:00Z", "Wedding Anna/DCIM/2023-07-14 clip.mp4"),
        ("2023/clip.mp4", "2023-07-14T10:00:00Z", "2023/2023-07-14 clip.mp4"),
        ("2023/07/2022-07-14.mp4", None, "2022/2022-07-14.mp4"),
        ("Wedding 2019.mp4", None, "2019/Wedding 2019.mp4"),
        ("GX010123.mp4", None, "undated/GX010123.mp4"),
    ],
)
def test_dates_in_names_count_after_the_recording_date(
    library: Library, films: Path, path: str, recorded: str | None, target: str
) -> None:
    take_in(library, films / path, date=recorded)
    assert targets(propose(library, films, None)) == [target]
    apply(library, propose(library, films, None))
    assert targets(propose(library, films, None)) == []


@pytest.mark.parametrize(
    ("path", "recorded"),
    [
        ("Holidays 2023/VID_20230714_153012.mp4", None),
        ("Holidays 2023/clip.mp4", None),
        ("Wedding Anna/clip.mp4", None),
        ("2023-07 Lisbon/2023-07-14 clip.mp4", "2023-07-14T10:00:00Z"),
        ("2023/07/14/clip.mp4", "2023-07-14T10:00:00Z"),
        ("2023/2023-07-14/clip.mp4", None),
        ("2023/07 July/VID_20230714_153012.mp4", "2023-07-14T10:00:00Z"),
        ("2023/VID_20230714_153012.mp4", None),
        ("2023/clip.mp4", None),
        ("undated/clip.mp4", None),
    ],
)
def test_files_in_order_and_in_event_folders_stay(
    library: Library, films: Path, path: str, recorded: str | None
) -> None:
    take_in(library, films / path, date=recorded)
    assert targets(propose(library, films, None)) == []


def test_files_of_a_dated_folder_stay_when_it_is_organized_itself(library: Library, films: Path) -> None:
    take_in(library, films / "2023-07 Lisbon" / "clip.mp4", date=None)
    assert propose(library, films / "2023-07 Lisbon", None).moves == ()


def test_renaming_takes_sidecars_along_and_the_library_follows(library: Library, films: Path) -> None:
    video = take_in(library, films / "a.mp4")
    for name in ("a.srt", "a.en.vtt", "a.mp4.srt", "a.xmp", "ab.srt", "a.b.srt", "notes.txt"):
        (films / name).write_text(name)
    moved = apply(library, propose(library, films, None))
    assert moved.skipped == ()
    assert set(tree(films)) == {
        "2019/2019-06-02 a.mp4",
        "2019/2019-06-02 a.srt",
        "2019/2019-06-02 a.en.vtt",
        "2019/2019-06-02 a.mp4.srt",
        "2019/2019-06-02 a.xmp",
        "ab.srt",
        "a.b.srt",
        "notes.txt",
    }
    new = films / "2019" / "2019-06-02 a.mp4"
    found = videos.get(library, video)
    assert found is not None
    assert (found.path, found.title) == (str(new), "2019-06-02 a")
    assert videos.unchanged_at(library, new, read_stamp(new)) == found


def test_undo_brings_back_every_name_and_removes_the_folders_it_made(library: Library, films: Path) -> None:
    video = take_in(library, films / "a.mp4")
    (films / "a.srt").write_text("words")
    before = tree(films)
    apply(library, propose(library, films, None))
    (films / "2019" / "2019-06-02 a.srt").write_text("corrected words")
    moved = moves.undo_last_run(library)
    assert moved is not None
    assert (len(moved.renamed), moved.skipped) == (2, ())
    assert tree(films) == before | {"a.srt": b"corrected words"}
    assert not (films / "2019").exists()
    found = videos.get(library, video)
    assert found is not None
    assert (found.path, found.title) == (str(films / "a.mp4"), "a")
    assert moves.undo_last_run(library) is None


def test_nothing_is_ever_replaced(library: Library, films: Path) -> None:
    take_in(library, films / "a.mp4")
    (films / "2019").mkdir()
    (films / "2019" / "2019-06-02 a.mp4").write_text("mine")
    proposal = propose(library, films, None)
    assert targets(proposal) == ["2019/2019-06-02 a 2.mp4"]
    (films / "2019" / "2019-06-02 a 2.mp4").symlink_to("nowhere")
    moved = apply(library, proposal)
    assert [file.reason for file in moved.skipped] == ["the new name already exists"]
    assert (films / "a.mp4").is_file()
    with pytest.raises(FileExistsError):
        moves.rename_file(films / "a.mp4", films / "2019" / "2019-06-02 a.mp4")
    assert (films / "2019" / "2019-06-02 a.mp4").read_text() == "mine"


def test_file_system_without_hard_links_never_replaces(films: Path) -> None:
    (films / "a").write_text("a")
    (films / "b").write_text("b")
    with pytest.raises(FileExistsError):
        moves._claim_and_rename(films / "a", films / "b")
    moves._claim_and_rename(films / "a", films / "c")
    with pytest.raises(FileNotFoundError):
        moves._claim_and_rename(films / "a", films / "d")
    assert tree(films) == {"b": b"b", "c": b"a"}


def test_undo_skips_taken_names_and_can_be_repeated(library: Library, films: Path) -> None:
    take_in(library, films / "a.mp4")
    apply(library, propose(library, films, None))
    (films / "a.mp4").write_text("another film")
    moved = moves.undo_last_run(library)
    assert moved is not None
    assert [file.reason for file in moved.skipped] == ["the name already exists"]
    assert (films / "a.mp4").read_text() == "another film"
    (films / "a.mp4").unlink()
    again = moves.undo_last_run(library)
    assert again is not None
    assert (len(again.renamed), again.skipped) == (1, ())


def test_links_lost_files_and_other_folders_stay(library: Library, films: Path, tmp_path: Path) -> None:
    take_in(library, tmp_path / "elsewhere" / "far.mp4")
    take_in(library, films / "gone.mp4")
    (films / "gone.mp4").unlink()
    take_in(library, films / "link.mp4")
    (films / "link.mp4").rename(tmp_path / "real.mp4")
    (films / "link.mp4").symlink_to(tmp_path / "real.mp4")
    proposal = propose(library, films, None)
    assert proposal.moves == ()
    assert {file.path.name: file.reason for file in proposal.skipped} == {
        "gone.mp4": "not found",
        "link.mp4": "symbolic link",
    }


def test_a_link_cannot_lead_a_file_out_of_the_folder(library: Library, films: Path, tmp_path: Path) -> None:
    take_in(library, films / "a.mp4")
    (tmp_path / "outside").mkdir()
    (films / "2019").symlink_to(tmp_path / "outside")
    proposal = propose(library, films, None)
    assert (proposal.moves, len(proposal.skipped)) == ((), 1)
    forged = Move(1, films / "a.mp4", tmp_path / "outside" / "a.mp4")
    assert moves.apply_moves(library, films, (forged,)).renamed == ()
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_another_file_system_is_refused(library: Library, films: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == os.stat(films).st_dev:
            pytest.skip("there is no second file system")
        take_in(library, films / "a.mp4")
        with pytest.raises(OSError, match="cross-device"):
            moves.rename_file(films / "a.mp4", Path(other) / "a.mp4")
        assert os.listdir(other) == []
    assert (films / "a.mp4").is_file()


def test_the_journal_is_written_before_each_rename(library: Library, films: Path) -> None:
    take_in(library, films / "a.mp4")
    apply(library, propose(library, films, None))
    path = library.folder / move_journal.JOURNAL
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [next(key for key in ("made", "from", "done") if key in line) for line in lines] == ["made", "from", "done"]
    assert path.stat().st_mode & 0o077 == 0


def test_started_work_of_a_killed_run_is_finished(library: Library, films: Path) -> None:
    """Killed between the two names of a file, and with a torn last line of the journal."""
    first, second = take_in(library, films / "a.mp4"), take_in(library, films / "b.mp4")
    with move_journal.open_journal(library.folder) as journal:
        journal.record_rename("run", first, films / "a.mp4", films / "new a.mp4")
        (films / "a.mp4").rename(films / "new a.mp4")
        journal.record_rename("run", second, films / "b.mp4", films / "new b.mp4")
        os.link(films / "b.mp4", films / "new b.mp4")
    with (library.folder / move_journal.JOURNAL).open("a") as torn:
        torn.write('{"run": "run", "vi')
    moved = moves.undo_last_run(library)
    assert moved is not None
    assert (len(moved.renamed), moved.skipped) == (2, ())
    assert set(tree(films)) == {"a.mp4", "b.mp4"}
    assert [Path(video.path).name for video in videos.every(library)] == ["a.mp4", "b.mp4"]


def lines_run(work: Callable[[], object], until: int | None = None) -> int:
    """Count executed lines of the renaming code in `work`; killed before line `until`."""
    count = 0

    def step(frame: FrameType, event: str, argument: object) -> object:
        nonlocal count
        if not frame.f_code.co_filename.endswith(("organize/moves.py", "content/videos.py")):
            return None
        if event == "line":
            count += 1
            if count == until:
                os.kill(os.getpid(), signal.SIGKILL)
        return step

    sys.settrace(step)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(None)
    return count


def killed_before(line: int, home: Path, work: Callable[[Library], object]) -> None:
    """Do the work in a separate process, killed with -9 before a line."""
    child = os.fork()
    if child == 0:
        with Library.open(home) as opened:
            lines_run(lambda: work(opened), line)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def recorded(library: Library) -> dict[str, object]:
    """State of the library's files: names and stamps."""
    return {video.path: (video.title, videos.stamps(library, video.id)) for video in videos.every(library)}


@pytest.mark.slow
@pytest.mark.parametrize("doing", ["apply", "undo"])
def test_killed_before_any_line_the_next_run_puts_it_right(library: Library, films: Path, doing: str) -> None:
    take_in(library, films / "a.mp4")
    (films / "a.srt").write_text("words")
    old, old_records = tree(films), recorded(library)
    proposal = propose(library, films, None)
    total = lines_run(lambda: apply(library, proposal))
    if doing == "undo":
        total = lines_run(lambda: moves.undo_last_run(library))
    left_at = set()
    for line in range(1, total):
        moves.undo_last_run(library)
        move_journal.purge(library.folder)  # else there would be more to read each time, and other lines
        if doing == "undo":
            apply(library, proposal)
        killed_before(
            line, library.folder, moves.undo_last_run if doing == "undo" else lambda opened: apply(opened, proposal)
        )
        left_at.add(tuple(tree(films)))
        moves.undo_last_run(library)
        assert (tree(films), recorded(library)) == (old, old_records), line
        assert not (films / "2019").exists()
    assert len(left_at) == 5  # one file or the other under either name, and each under both for a moment


def test_a_copy_elsewhere_in_the_folder_stays_and_is_named(library: Library, films: Path) -> None:
    video = take_in(library, films / "a.mp4")
    copy = films / "backup" / "a.mp4"
    copy.parent.mkdir()
    copy.write_bytes((films / "a.mp4").read_bytes())
    videos.add_copy(library, video, copy, read_stamp(copy))
    proposal = propose(library, films, None)
    assert [move.source for move in proposal.moves] == [films / "a.mp4"]
    assert [(file.path, file.reason) for file in proposal.skipped] == [(copy, f"duplicate of {films / 'a.mp4'}")]
    apply(library, proposal)
    assert set(tree(films)) == {"backup/a.mp4", "2019/2019-06-02 a.mp4"}
    assert set(videos.stamps(library, video)) == {copy, films / "2019" / "2019-06-02 a.mp4"}


def test_names_differing_only_in_case_are_equal(library: Library, films: Path) -> None:
    """Some file systems treat such names as equal, and folders are copied to such file systems."""
    take_in(library, films / "a.mp4")
    take_in(library, films / "b" / "A.mp4")
    take_in(library, films / "c" / "caf\u00e9.mp4", date=None)
    (films / "2019").mkdir()
    (films / "2019" / "2019-06-02 A.MP4").write_text("mine")
    (films / "undated").mkdir()
    (films / "undated" / "cafe\u0301.mp4").write_text("mine")
    assert targets(propose(library, films, None)) == [
        "2019/2019-06-02 a 2.mp4",
        "2019/2019-06-02 A 3.mp4",
        "undated/café 2.mp4",
    ]


def test_case_only_renames_are_not_proposed(
    library: Library, films: Path, server: FakeOllama, writer: ServedText
) -> None:
    take_in(library, films / "Films" / "the dance.mp4", date=None)
    entry = {"number": 1, "folder": "films", "name": "The Dance"}
    server.choose = lambda asked: say(json.dumps({"files": [entry]})) if asked.path == "/api/chat" else None
    assert propose(library, films, writer).moves == ()


def test_a_file_of_one_name_is_never_taken_for_two(library: Library, films: Path) -> None:
    """As possible in the journal of a case-insensitive file system: nothing is removed."""
    video = take_in(library, films / "a.mp4")
    with move_journal.open_journal(library.folder) as journal:
        journal.record_rename("run", video, films / "a.mp4", films / "." / "a.mp4")
        journal.record_rename("run", None, films / "a.mp4", films / ".." / "films" / "a.mp4")
    moves.undo_last_run(library)
    assert set(tree(films)) == {"a.mp4"}


def test_folder_on_another_file_system_is_left_alone(library: Library, films: Path) -> None:
    take_in(library, films / "a.mp4")
    (films / "2019").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", films / "2019"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets us mount nothing")
    try:
        proposal = propose(library, films, None)
        assert [file.reason for file in proposal.skipped] == ["the new folder is on another file system"]
        made = Move(1, films / "a.mp4", films / "2019" / "a.mp4")
        assert [file.reason for file in moves.apply_moves(library, films, (made,)).skipped] == [
            "the new folder is on another file system"
        ]
        assert os.listdir(films / "2019") == []
    finally:
        subprocess.run(["umount", films / "2019"], check=True)
    assert set(tree(films)) == {"a.mp4"}


def test_undecodable_names_round_trip(library: Library, films: Path) -> None:
    path = films / os.fsdecode(b"caf\xe9.mp4")
    take_in(library, path)
    assert apply(library, propose(library, films, None)).skipped == ()
    assert moves.undo_last_run(library) is not None
    assert path.is_file()


def test_the_model_proposes_in_steps_and_hears_of_the_folders_so_far(
    library: Library, films: Path, server: FakeOllama, writer: ServedText
) -> None:
    for number in range(45):
        take_in(library, films / f"{number}.mp4", date=f"20{10 + number % 3}-01-01", summary="They dance. " * 30)
    proposal = propose(library, films, writer)
    assert len(proposal.moves) == 45
    assert targets(proposal)[0] == "Films/2010/2010-01-01 0 film.mp4"
    asked = server.asked("/api/chat")
    assert len(asked) >= 3
    assert "Folders that are there already" not in asked[0].prompt
    assert '"Films/2010"' in asked[-1].prompt


def test_a_useless_answer_leaves_date_and_title(
    library: Library, films: Path, server: FakeOllama, writer: ServedText
) -> None:
    take_in(library, films / "a.mp4")
    for answer in ("no", '{"files": 3}', '{"files": [{"number": 7, "folder": "x", "name": "y"}]}'):
        server.script(say(answer))
        assert targets(propose(library, films, writer)) == ["2019/2019-06-02 a.mp4"]


HOSTILE = (
    *PROBES,
    "../../../etc/cron.d/x",
    "/etc/passwd",
    "..",
    ".hidden/.ssh",
    "a\\..\\b",
    "con\0nul\n",
    "x" * 5_000,
    "🎂" * 300,
    "a/b/c/d/e/f/g",
    "~/x",
)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_no_answer_leads_a_file_astray(
    library: Library, films: Path, server: FakeOllama, writer: ServedText, number: int
) -> None:
    words = HOSTILE[number]
    take_in(library, films / "a.mp4", summary=words)
    entry = {"number": 1, "folder": words, "name": words}
    server.choose = lambda asked: say(json.dumps({"files": [entry, entry]})) if asked.path == "/api/chat" else None
    proposal = propose(library, films, writer)
    [made] = proposal.moves
    relative = made.target.relative_to(films)
    assert len(relative.parts) <= 4
    for part in relative.parts:
        assert not part.startswith((".", "-"))
        assert not re.search(r'[\x00-\x1f\x7f-\x9f\u202e\u200b/\\:*?"<>|]', part)
        assert len(part.encode()) <= 255
    assert moves.apply_moves(library, films, proposal.moves).skipped == ()
    assert made.target.is_file()
    for asked in server.asked("/api/chat"):
        lines = asked.body["messages"][1]["content"].removesuffix("\n" + organize_prompts.INSTRUCTIONS).splitlines()
        assert all(re.fullmatch(r'\d+ (?:\d{4}-\d\d-\d\d|undated)(?: (?:tags )?"[^"]*")+', line) for line in lines)
    assert moves.undo_last_run(library) is not None
    assert set(tree(films)) == {"a.mp4"}
