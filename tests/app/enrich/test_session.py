"""Hours, pause, log and report on the command line."""

import json
import plistlib
from configparser import ConfigParser
from datetime import time
from itertools import groupby
from pathlib import Path

import pytest

from tests.support.clocks import Wall
from tests.support.commands import Run, add_video
from tests.support.progress_lines import RecordedLine
from vidlocal import settings
from vidlocal.app.enrich import session
from vidlocal.app.enrich.run_log import FOLDER, NAME, RunLog, log_ending
from vidlocal.enrich import report
from vidlocal.enrich.report import FailureGroup, Report
from vidlocal.enrich.runner.schedule import When
from vidlocal.enrich.runner.sleep_inhibitor import SleepInhibitor
from vidlocal.enrich.runner.time_window import parse_window
from vidlocal.errors import EngineError, UsageError
from vidlocal.records import JobKind
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock, live_processes
from vidlocal.store.queue import jobs

NIGHT = Report(
    started_at="2026-11-20T22:00:00+00:00",
    ended_at="2026-11-21T07:00:00+00:00",
    worked_s=30_000.0,
    night_s=32_400.0,
    held_s={"busy": 1800.0, "battery": 600.0},
    done={JobKind.DESCRIBE: 12_345, JobKind.EMBED: 7},
    videos_finished=1,
    failed=(FailureGroup(JobKind.DESCRIBE, "The description is empty.", 3),),
    left={JobKind.DESCRIBE: 20_000, JobKind.READ: 2},
    seconds_per_frame=2.43,
    caption_tokens_per_second=41.2,
    speech_hours_per_hour=11.5,
    ended="The night is over.",
)


@pytest.mark.parametrize(
    ("options", "hours"),
    [
        ({"overnight": False, "now": False}, (None, None, None, When.ANY)),
        ({"overnight": False, "now": True}, (None, None, None, When.ANY)),
        ({"overnight": True, "now": False}, (parse_window("22:00-07:00"), None, None, When.IDLE)),
        (
            {"overnight": True, "now": False, "when": When.ANY, "lasts": "3h"},
            (parse_window("22:00-07:00"), None, 10_800, When.ANY),
        ),
        ({"overnight": False, "now": True, "until": "07:00"}, (None, time(7), None, When.ANY)),
    ],
)
def test_options_become_hours(options: dict[str, object], hours: tuple[object, ...]) -> None:
    read = session.working_hours(settings.load(), **options)  # type: ignore[arg-type]
    assert (read.window, read.until, read.for_s, read.when) == hours


def test_now_and_a_window_contradict_each_other(run: Run, library: Library) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        session.working_hours(settings.load(), overnight=True, now=True)
    for words in (("enrich", "overnight", "--now"), ("enrich", "--window", "23:00-06:00", "--now")):
        assert run(*words).exit_code == 2
    assert run("worker", "--window", "23:00-06:00", "--now").exit_code == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--window", "23-6"), 2), (("--until", "7"), 2), (("--for", "long"), 2), (("--when", "noon"), 2)],
)
def test_invalid_hours_end_at_once(run: Run, library: Library, words: tuple[str, ...], code: int) -> None:
    assert run("enrich", *words).exit_code == code


def test_missing_folder_cannot_be_watched(run: Run, tmp_path: Path) -> None:
    result = run("worker", "--watch", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "not a folder" in result.stderr


def test_pause_and_resume_report_the_state(run: Run, library: Library) -> None:
    assert "Paused" in run("pause").stderr
    since = facts.get(library, facts.PAUSED)
    assert "lready paused since" in run("pause").stderr
    assert json.loads(run("pause", "--json", "--quiet").stdout) == {"paused_since": since}
    assert json.loads(run("status", "--json").stdout)["paused_since"] == since
    assert any(line.startswith("paused\tsince ") for line in run("status").stdout.splitlines())
    assert json.loads(run("resume", "--json", "--quiet").stdout) == {"was_paused_since": since}
    assert "Nothing was paused" in run("resume").stderr


def test_the_report_is_one_line_per_fact_for_programs_and_json_for_others(run: Run, library: Library) -> None:
    assert "No reports yet" in run("report").stderr
    assert json.loads(run("report", "--json").stdout) is None
    report.store(library, None, NIGHT)
    rows = [line.split("\t") for line in run("report").stdout.splitlines()]
    counts = dict(rows)
    assert counts["done"] == "12,345 frames, 1 video finished, embed 7"
    assert counts["worked"] == "8 h 20 min, held 30 min by other programs and 10 min on battery"
    assert counts["pace"] == "2.4 s per frame, 41 tokens per second"
    assert counts["failed"] == "3 describe: The description is empty."
    assert counts["left"] == "20,000 frames (13 h 30 min, 2 nights of 9 h), read 2"
    data = json.loads(run("report", "--json").stdout)
    assert (data["done"]["describe"], data["nights_left"], data["worked_s"]) == (12_345, 2, 30_000.0)
    assert len(json.loads(run("report", "--json", "--last", "5").stdout)) == 1


def test_a_session_prints_and_stores_its_report_and_starts_the_next(library: Library) -> None:
    line = RecordedLine()
    hours = session.working_hours(settings.load(), overnight=True, now=False)
    with SleepInhibitor() as awake, ProcessLock(library.folder) as lock:
        run_session = session.RunSession(library, lock, hours, line, RunLog(library.folder), awake)
        run_session.print_report("The night is over.")
        assert line.messages == []
        add_video(library, "wedding", "hello")
        job = jobs.claim(library, JobKind.DESCRIBE, worker="w", now=0.0, lease_s=1e12)
        assert job is not None
        jobs.finish(library, job)
        run_session.print_report("The night is over.")
        assert any(sentence.startswith("done: 1 frame, ") for sentence in line.messages)
        assert line.messages[-1] == "ended: The night is over."
        run_session.print_report("The night is over.")
    assert len(report.latest(library, limit=9)) == 1


def test_every_night_of_a_run_gets_its_report_with_the_time_worked_and_held(library: Library) -> None:
    add_video(library, "wedding", "hello")
    wall, line = Wall(), RecordedLine()
    hours = session.working_hours(settings.load(), overnight=True, now=False, when=When.ANY)
    with SleepInhibitor() as awake, ProcessLock(library.folder) as lock:
        run_session = session.RunSession(
            library, lock, hours, line, RunLog(library.folder), awake, now=wall.now, local=wall.local
        )
        schedule = run_session.schedule()
        waits: list[str | None] = []
        with run_session.working():
            for minute in range(2 * 24 * 60):
                if minute == 120:  # 23:00
                    facts.put(library, facts.PAUSED, "2026-11-21T22:00:00+00:00")
                if minute == 240:
                    facts.delete(library, facts.PAUSED)
                schedule.decide()
                waits += [None if waiting is None else waiting.topic for waiting in live_processes(library.folder)]
                wall.pass_time(60)
        run_session.end("Nothing to do.")
    assert [what for what, _ in groupby(waits)] == ["window", None, "paused", None, "window", None, "window"]
    reports = report.latest(library, limit=9)
    assert [stored.worked_s for stored in reports] == [9 * 3600.0, 7 * 3600.0]
    assert [stored.held_s for stored in reports] == [{}, {"paused": 2 * 3600.0}]
    assert {stored.ended for stored in reports} == {"The night is over."}
    assert len([sentence for sentence in line.messages if sentence.startswith("run: ")]) == 2


def test_a_lost_terminal_does_not_end_a_session(library: Library) -> None:
    hours = session.working_hours(settings.load(), overnight=False, now=True)
    with SleepInhibitor() as awake, ProcessLock(library.folder) as lock:
        run_session = session.RunSession(library, lock, hours, RecordedLine(gone=True), RunLog(library.folder), awake)
        run_session.notify("Going on.")
        run_session.update("describing", 0.5, detail="a bride in white")
    assert "Going on." in (library.folder / FOLDER / NAME).read_text()
    assert "bride" not in (library.folder / FOLDER / NAME).read_text()


def test_a_log_rotates_and_keeps_three_old_ones(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for number in range(45):
        log.write(f"{number} " + "x" * 100_000)
    names = sorted(path.name for path in log.path.parent.iterdir())
    assert names == [NAME, f"{NAME}.1", f"{NAME}.2", f"{NAME}.3"]
    assert " 44 x" in log.path.read_text()[-100_100:]
    assert sum(path.stat().st_size for path in log.path.parent.iterdir()) < 5 << 20


def test_a_log_entry_is_one_line_for_any_content(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.write("two\nlines \x1b[31m and \udcff")
    assert log.path.read_text().count("\n") == 1
    assert "\x1b" not in log.path.read_text()


def test_unwritable_log_does_not_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    RunLog(tmp_path).write("still here")
    assert (tmp_path / FOLDER).read_text() == "in the way"


def test_log_holds_the_error_of_a_run_and_only_the_place_of_a_bug(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    with pytest.raises(EngineError), log_ending(log):
        raise EngineError("Start Ollama.")
    with pytest.raises(ValueError, match="spoken"), log_ending(log):
        raise ValueError("a spoken word")
    with pytest.raises(SystemExit), log_ending(log):
        raise SystemExit(143)
    text = log.path.read_text()
    assert "Start Ollama." in text
    assert "ValueError" in text
    assert "test_session.py" in text
    assert "143" in text
    assert "spoken" not in text


def test_the_services_start_a_worker_with_options_it_has(run: Run) -> None:
    deploy = Path(__file__).parents[3] / "deploy"
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(deploy / "systemd" / "vidlocal-worker.service")
    agent = plistlib.loads((deploy / "launchd" / "vidlocal.worker.plist").read_bytes())
    for words in (unit["Service"]["ExecStart"].split(), agent["ProgramArguments"]):
        assert words[0].endswith("/vidlocal")
        assert words[1] == "worker"
        assert {word for word in words if word.startswith("--")} <= set(run("worker", "--help").stdout.split())
    assert unit["Service"]["SuccessExitStatus"].split()[0] == "143"


def test_documented_report_equals_the_printed_one(run: Run, library: Library) -> None:
    page = (Path(__file__).parents[3] / "docs" / "overnight.md").read_text("utf-8")
    report.store(library, None, NIGHT)
    printed = dict(line.split("\t") for line in run("report").stdout.splitlines())
    shown = dict(line.split(maxsplit=1) for line in between(page, "```console\n", "```").splitlines())
    assert {"run", "done", "worked", "pace", "speech", "left", "failed", "ended"} == set(shown)
    assert {name: printed[name] for name in shown if name != "run"} == {
        name: value for name, value in shown.items() if name != "run"
    }


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
