"""`setup --speakers`, the report of doctor, and a full run with test models."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.progress_lines import RecordedLine
from tests.support.speech import write_wav
from tests.support.tones import HIGH_HZ, LOW_HZ, MODELS, place, tones
from vidlocal.app.setup.file_parts import PublishedPart
from vidlocal.app.setup.run import check_parts, download_missing
from vidlocal.engines.model_files.published import PublishedModel
from vidlocal.engines.speakers.speaker_files import EMBEDDING, PUBLISHED, SEGMENTATION, speaker_models
from vidlocal.errors import ToolError
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import voices
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# A command that finds no sherpa-onnx.
WITHOUT = 'import sys; sys.modules["sherpa_onnx"] = None; from vidlocal.cli import main; main()'


class Shelf(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        body = (MODELS / self.path.rpartition("/")[2]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def published() -> Iterator[dict[str, PublishedModel]]:
    """Give out the made models, with their checksums."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    yield {
        name: PublishedModel(
            name, "CC0", f"{address}/{name}", hashlib.sha256((MODELS / name).read_bytes()).hexdigest(), 1000
        )
        for name in PUBLISHED
    }
    server.shutdown()
    server.server_close()


def parts(folder: Path, published: dict[str, PublishedModel]) -> list[PublishedPart]:
    return [PublishedPart("speakers", name, folder, published) for name in published]


def test_models_are_downloaded_and_verified(tmp_path: Path, published: dict[str, PublishedModel]) -> None:
    wanted = parts(tmp_path, published)
    assert [status.state for status in check_parts(wanted)] == ["to download"] * 2
    done = download_missing(check_parts(wanted), RecordedLine())
    assert [status.state for status in done] == ["downloaded"] * 2
    assert [status.state for status in check_parts(wanted)] == ["installed"] * 2
    assert speaker_models(tmp_path).segmentation == tmp_path / SEGMENTATION


def test_a_changed_file_is_refused(tmp_path: Path, published: dict[str, PublishedModel]) -> None:
    other = PublishedModel("x", "CC0", published[EMBEDDING].url, "0" * 64, 1000)
    (status,) = download_missing(
        check_parts([PublishedPart("speakers", EMBEDDING, tmp_path, {EMBEDDING: other})]), RecordedLine()
    )
    assert isinstance(status.error, ToolError)
    assert "wrong checksum" in str(status.error)
    assert not (tmp_path / EMBEDDING).exists()


def test_size_licence_and_source_are_shown_before_the_download(run: Run) -> None:
    result = run("setup", "--speakers", "--only", "speakers", "--dry-run")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:4] for row in rows] == [
        ["speakers", "pyannote segmentation 3.0 (MIT)", "5992913", "to download"],
        ["speakers", "3D-Speaker CAM++ (Apache-2.0)", "28300000", "to download"],
    ]
    assert [row[4] for row in rows] == [
        "huggingface.co/csukuangfj/sherpa-onnx-pyannote-segmentation-3-0",
        "github.com/k2-fsa/sherpa-onnx/releases",
    ]


def test_without_the_package_the_command_to_install_it_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "setup", "--speakers", "--yes"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 5
    assert done.stderr == 'Speakers need the package sherpa-onnx. Run: pip install "vidlocal[speakers]"\n'


def doctor(run: Run) -> dict[str, str]:
    checks = json.loads(run("doctor", "--json").stdout)
    return next(check for check in checks if check["part"] == "speakers")


def test_doctor_tells_if_the_models_are_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = doctor(run)
    assert (before["state"], before["fix"]) == ("ok", "vidlocal setup --speakers")
    monkeypatch.setenv("VIDLOCAL_MODELS", str(place(tmp_path / "models")))
    assert doctor(run)["result"].startswith("speakers@")


def test_the_settings_can_forbid_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(tmp_path / "talk.wav", tones([(1, 2, LOW_HZ)], seconds=3))
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nWhere is the cake?\n")
    assert run("ingest", str(tmp_path / "talk.wav")).exit_code == 0
    monkeypatch.setenv("VIDLOCAL_MODELS", str(place(tmp_path / "models")))
    with Library.open(tmp_path / "home") as library:
        voices.queue_missing(library, "speakers@1")
    assert run("config", "recognize_speakers", "false").exit_code == 0
    assert doctor(run)["result"] == "forbidden by recognize_speakers"
    refused = run("enrich", "--only", "speakers")
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (
        7,
        "Speakers are not told apart: recognize_speakers is false. Run: vidlocal config recognize_speakers true",
    )
    run("enrich", "--only", "read")
    with Library.open(tmp_path / "home") as library:
        assert (JobKind.SPEAKERS, JobState.QUEUED) not in jobs.counts(library)


def test_speakers_of_a_recording_are_told_apart(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = tones([(1, 5, LOW_HZ), (6, 10, HIGH_HZ), (11, 15, LOW_HZ)], seconds=16)
    write_wav(tmp_path / "talk.wav", sound)
    cues = [("1", 1, 5, "Where is the cake?"), ("2", 6, 10, "In the kitchen."), ("3", 11, 15, "Thank you, Tom.")]
    text = "".join(f"{n}\n00:00:{a:02},000 --> 00:00:{b:02},000\n{said}\n\n" for n, a, b, said in cues)
    (tmp_path / "talk.srt").write_text(text)
    assert run("ingest", str(tmp_path / "talk.wav")).exit_code == 0
    missing = run("enrich", "--only", "speakers")
    assert (missing.exit_code, missing.stderr.splitlines()[-1]) == (
        5,
        "The models for speakers are not installed. Run: vidlocal setup --speakers",
    )
    monkeypatch.setenv("VIDLOCAL_MODELS", str(place(tmp_path / "models")))
    result = run("enrich", "--only", "speakers")
    assert result.exit_code == 0, result.output
    assert [line.split("\t")[:4] for line in run("speakers").stdout.splitlines()] == [
        ["1", "", "1", "2"],
        ["2", "", "1", "1"],
    ]
    assert run("speakers", "name", "1", "Mary").exit_code == 0
    moments = json.loads(run("search", "speaker:mary cake", "--json").stdout)["moments"]
    assert [hit["speaker"] for hit in moments[0]["hits"]] == ["Mary"]
    assert "<v Speaker 2>In the kitchen." in run("export", "talk", "-f", "vtt").stdout
    assert "Nothing to do" in run("enrich", "--only", "speakers").stderr
    assert run("speakers", "forget", "--all", "--yes").exit_code == 0
    assert run("speakers").stdout == ""
