"""The end of the server while a browser is in the middle of a film."""

import json
import signal
import subprocess
import sys
import wave
from pathlib import Path

import httpx

from tests.support.web_server import index

# More than the buffers between server and browser take.
RECORDING_BYTES = 64 << 20


def test_ctrl_c_cuts_off_an_unread_film_without_a_traceback(tmp_path: Path) -> None:
    path, home = tmp_path / "long.wav", tmp_path / "home"
    with wave.open(str(path), "wb") as recording:
        recording.setparams((2, 2, 48_000, 0, "NONE", ""))
        recording.writeframes(bytes(RECORDING_BYTES))
    index(home, path)
    command = [sys.executable, "-m", "vidlocal", "--home", str(home), "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline()]
        while lines[-1].rstrip() != "}":
            lines.append(server.stdout.readline())
        url = json.loads("".join(lines))["url"]
        with httpx.stream("GET", f"{url}api/v1/videos/1/file", trust_env=False, timeout=30.0) as stream:
            assert stream.status_code == 200
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=30)
    assert "Traceback" not in said
    assert "Cancel" not in said
