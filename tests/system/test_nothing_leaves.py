"""Except for `setup`, no command and no child process tries to reach another machine.

The whole way is gone in a network namespace that has a loopback device and nothing else. The kernel counts there every
packet that anybody wanted to send elsewhere, name look-ups included, so that nobody needs to be watched.
"""

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import clip_model
from tests.support.fake_ollama import FakeOllama
from vidlocal import process
from vidlocal.store.database import Library

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "vidlocal" / "demo" / "a-year-outside.mp4"
# Documentation addresses (RFC 5737): whoever obeys these variables is caught.
DECOYS = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"), "http://192.0.2.1:3128")
INSIDE = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "tests.system.test_nothing_leaves"]
COMMANDS = (
    ["ingest", CLIP.name],
    ["enrich"],
    ["search", "boat sails home"],
    ["search", "boat", "--look", "1", "--page", "page.html"],
    ["ask", "where does the boat sail?"],
    ["ask", "1@0:12", "what is it?"],
    ["similar", "1@0:12"],
    ["clusters"],
    ["clip", "boat", "-d", "clips"],
    ["note", "1@0:12", "the boat"],
    ["export", "1", "-f", "srt"],
    ["organize", "."],
    ["check"],
    ["status"],
    ["show", "1"],
    ["doctor"],
    ["setup", "--dry-run"],
)


@pytest.mark.slow
def test_no_command_but_setup_tries_to_reach_another_machine(tmp_path: Path) -> None:
    try:
        subprocess.run(["unshare", "--map-root-user", "--net", "true"], check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system gives no network namespace of one's own")
    # Nothing else of this environment: libraries that phone home leave it where a CI is at work.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    clip_model.place(tmp_path / "home" / "models")
    shutil.copy(CLIP, tmp_path)
    environment |= {"VIDLOCAL_HOME": str(tmp_path / "home"), **DECOYS}
    done = subprocess.run(INSIDE, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["attempts_of_the_control"] >= 2
    assert result["codes"] == {" ".join(words): 0 for words in COMMANDS}
    assert result["attempts"] == dict.fromkeys(result["codes"], 0), done.stderr
    assert result["described"] > 0
    assert result["looked_at"] > 0


@pytest.mark.parametrize("name", ["ORT_DISABLE_TELEMETRY", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"])
def test_children_forbid_their_libraries_to_phone_home(name: str) -> None:
    """onnxruntime does so seconds after its import, from a thread of its own, when a fast machine is done already."""
    output = process.run([sys.executable, "-c", f"import os; print(os.environ[{name!r}])"], timeout=30)
    assert output.stdout == b"1\n"


def test_onnxruntime_is_loaded_in_a_child_only() -> None:
    code = (
        "import sys, vidlocal.ingest.run, vidlocal.enrich.run, vidlocal.search.run; print('onnxruntime' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"


def _go_the_whole_way() -> None:
    """Run every command in the namespace, and count packets to other machines."""
    _raise_loopback()
    codes, attempts = {}, {}
    folder = Path(os.environ["VIDLOCAL_HOME"]).parent
    with FakeOllama() as fake:
        environment = {**os.environ, "VIDLOCAL_OLLAMA_HOST": fake.host, "PYTHONPATH": str(ROOT)}
        for words in COMMANDS:
            before = _packets_for_elsewhere()
            done = subprocess.run(
                [sys.executable, "-m", "vidlocal", *words],
                env=environment,
                cwd=folder,
                capture_output=True,
                check=False,
            )
            sys.stderr.write(done.stderr.decode())
            codes[" ".join(words)] = done.returncode
            attempts[" ".join(words)] = _packets_for_elsewhere() - before
        described = len(fake.asked("/api/chat"))
    before = _packets_for_elsewhere()
    for name in ("192.0.2.1", "vidlocal.invalid"):
        with suppress(OSError):
            socket.create_connection((name, 443), timeout=5)
    control = _packets_for_elsewhere() - before
    with Library.open(Path(os.environ["VIDLOCAL_HOME"])) as library:
        looked_at = library.number("SELECT count(*) FROM frame_vectors")
    result = {"codes": codes, "attempts": attempts, "described": described, "attempts_of_the_control": control}
    print(json.dumps({**result, "looked_at": looked_at}))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # SIOCSIFFLAGS with IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x41))


def _packets_for_elsewhere() -> int:
    """Packets without a route, and name look-ups at a missing resolver on loopback."""
    lines = Path("/proc/self/net/snmp").read_text().splitlines()
    tables = {
        names.split()[0]: dict(zip(names.split(), values.split(), strict=True))
        for names, values in zip(lines[::2], lines[1::2], strict=True)
    }
    sixth = dict(line.split() for line in Path("/proc/self/net/snmp6").read_text().splitlines())
    return int(tables["Ip:"]["OutNoRoutes"]) + int(tables["Udp:"]["NoPorts"]) + int(sixth["Ip6OutNoRoutes"])


if __name__ == "__main__":
    _go_the_whole_way()
