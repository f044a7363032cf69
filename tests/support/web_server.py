"""A running `vidlocal serve` on a library, and films of every kind to play."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from vidlocal.media.ffmpeg import find_ffmpeg

_PROGRAM = (sys.executable, "-m", "vidlocal")


@dataclass(frozen=True, slots=True)
class WebServer:
    """A running server: its address and library folder, and the token of its pages."""

    url: str
    home: Path
    token: str

    def client(self, **headers: str) -> httpx.Client:
        """A client without a proxy, with the token of a page."""
        return httpx.Client(
            base_url=self.url, headers={"x-vidlocal-token": self.token, **headers}, trust_env=False, timeout=30.0
        )


@contextmanager
def web_server(home: Path, *options: str, env: Mapping[str, str] = {}) -> Iterator[WebServer]:
    """Run `vidlocal serve` on a free port until the end of the block."""
    command = [*_PROGRAM, "--home", str(home), "serve", "--port", "0", "--json", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VIDLOCAL_", "OLLAMA_"))}
    environment |= {"VIDLOCAL_OLLAMA_HOST": "127.0.0.1:9", **env}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                line = server.stdout.readline()
                assert line, server.stderr.read() if server.stderr else ""
                text += line
            url = json.loads(text)["url"].rstrip("/")
            page = httpx.get(f"{url}/", trust_env=False).text
            token = re.search(r'vidlocal-token" content="([^"]+)"', page)
            yield WebServer(url, home, token[1] if token else "")
        finally:
            server.terminate()
            server.communicate(timeout=30)


def index(home: Path, *paths: Path) -> None:
    """Index files, without speech and text on screen."""
    command = [*_PROGRAM, "--home", str(home), "ingest", "--later", *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True)


# File name -> arguments of ffmpeg after the inputs, a test picture with a counter and a tone.
FILMS = {
    "plain.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "phone.mov": ("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "container.mkv": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "ac3"),
    "old.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "variable.mp4": ("-vf", "select='not(eq(mod(n\\,3)\\,1))'", "-fps_mode", "vfr", "-c:v", "libx264"),
    "free.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus"),
    "broadcast.ts": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "sound.mp3": ("-vn", "-c:a", "libmp3lame"),
    "photo.jpg": ("-frames:v", "1", "-an"),
}
FILM_S = 12
# Films longer than a piece: name -> seconds. They are made when they are named.
LONG_FILMS = {"long.ts": 300, "removed.ts": 240}


def make_films(folder: Path, *names: str) -> None:
    """Make the named films of FILMS and LONG_FILMS, or all of FILMS, each FILM_S seconds long."""
    folder.mkdir(exist_ok=True)
    ffmpeg = find_ffmpeg(None)
    for name in names or FILMS:
        seconds = LONG_FILMS.get(name, FILM_S)
        sources = _test_picture(seconds)
        arguments = FILMS["broadcast.ts" if name in LONG_FILMS else name]
        command = [*ffmpeg.base_command(), *sources, *arguments, "-y", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)


def _test_picture(seconds: int) -> list[str]:
    """Return the inputs of a test picture with a counter, and of a tone."""
    picture = f"testsrc2=size=320x180:rate=15:duration={seconds}"
    return ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:duration={seconds}"]


# Films that are black until SWITCH_S and white from then on, by the arguments of ffmpeg.
SWITCHES = {
    "switch-copied.mkv": ("-c:v", "libx264", "-bf", "3", "-g", "250"),
    "switch-hevc.mov": ("-c:v", "libx265", "-x265-params", "log-level=none"),
    "switch-old.avi": (
        "-c:v",
        "mpeg4",
    ),
    "switch-broadcast.ts": ("-c:v", "mpeg2video", "-bf", "2"),
}
SWITCH_S = 6.0


def make_switches(folder: Path) -> None:
    """Make the films of SWITCHES: 12 s, 25 frames per second, with a tone."""
    ffmpeg = find_ffmpeg(None)
    sides = [argument for colour in ("black", "white") for argument in ("-f", "lavfi", "-i", _plain(colour))]
    tone = ["-f", "lavfi", "-i", "sine=440:duration=12"]
    joined = ["-filter_complex", "[0][1]concat[v]", "-map", "[v]", "-map", "2", "-pix_fmt", "yuv420p"]
    for name, arguments in SWITCHES.items():
        command = [*ffmpeg.base_command(), *sides, *tone, *joined, *arguments, "-y", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)


def _plain(colour: str) -> str:
    return f"color={colour}:size=320x180:rate=25:duration={SWITCH_S}"
