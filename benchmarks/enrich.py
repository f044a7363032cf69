"""Throughput of the deep pass with a server of exactly 200 ms per answer.

    python benchmarks/enrich.py [--frames 200]

The server is another process: it answers in 60 streamed chunks spread over 200 ms, P answers at a time, and
keeps further requests waiting as Ollama does. Ideal is frames x 0.2 s / P. Prints the share of the ideal, and
the program's own processor time per frame, for P = 1, 4, 16 and for three servers with 2, 1 and 1 slots.
"""

import argparse
import asyncio
import io
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served.models import ServedVision
from vidlocal.enrich.run import EnrichEngines, enrich
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.workers import fast_pass
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import FileStamp, FrameDraft, JobKind, MediaKind, Probe
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

LATENCY_S = 0.2
CHUNKS = 60
MODEL = {"name": "llava:7b", "model": "llava:7b", "digest": "d" * 64, "size": 1, "capabilities": ["vision"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=200, help="frames per slot")
    frames = parser.parse_args().frames
    print(f"{'slots':>12}  {'frames':>6}  {'seconds':>7}  {'of ideal':>8}  {'own CPU per frame':>17}")
    for slots in ((1,), (4,), (16,), (2, 1, 1)):
        count = frames * sum(slots)
        seconds, cpu = measure(slots, count)
        ideal = count * LATENCY_S / sum(slots)
        name = "+".join(map(str, slots))
        print(f"{name:>12}  {count:6}  {seconds:7.1f}  {ideal / seconds:8.1%}  {1000 * cpu / count:14.2f} ms")


def measure(slots: Sequence[int], count: int) -> tuple[float, float]:
    """Seconds and own processor seconds to describe `count` frames on servers with so many slots."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        library = stack.enter_context(Library.open(folder, create=True))
        lock = stack.enter_context(ProcessLock(folder))
        fill(library, count)
        hosts = [host(stack, number) for number in slots]
        prober = stack.enter_context(Prober())
        reader = stack.enter_context(RapidOcr())
        engines = EnrichEngines(fast_pass.FastEngines(find_ffmpeg(None), prober, reader, None), hosts, guarded=False)
        cpu, began = cpu_seconds(), time.monotonic()
        summary = enrich(library, engines, lock)
        seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
        if summary.done.get(JobKind.DESCRIBE) != count:
            raise SystemExit(f"only {summary.done} of {count} frames were described")
        return seconds, cpu


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def fill(library: Library, count: int) -> None:
    """A video of `count` frames, each a picture of the size ingest stores."""
    noise = np.random.default_rng(1).integers(0, 255, (63, 112, 3), dtype=np.uint8)
    held = io.BytesIO()
    Image.fromarray(noise).resize((896, 504)).save(held, "JPEG", quality=85)
    drafts = []
    for number in range(count):
        (library.frames_folder / f"{number}.jpg").write_bytes(held.getvalue())
        drafts.append(FrameDraft(2.0 * number, 0, f"frames/{number}.jpg", number, novelty=number / count))
    videos.add(
        library,
        content_hash="a" * 64,
        path=Path("/film.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 2.0 * count),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )


def host(stack: ExitStack, slots: int) -> Host:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(slots, theirs), daemon=True)
    server.start()
    stack.callback(server.kill)
    ollama = stack.enter_context(Ollama(f"http://127.0.0.1:{ours.recv()}"))
    vision = ServedVision(ollama, ollama.preflight("llava:7b", "vision"))
    return Host(ollama.host, vision, None, lambda: True, slots=slots)


def serve(slots: int, told: Connection) -> None:
    """The server process: just enough of the protocol, at the cost of very little processor time."""
    asyncio.run(_serve(slots, told))


async def _serve(slots: int, told: Connection) -> None:
    turns = asyncio.Semaphore(slots)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                await reader.readexactly(length)
                path = head.split(b" ", 2)[1]
                if path == b"/api/chat":
                    async with turns:
                        await _speak(writer)
                else:
                    _reply(writer, {"models": [MODEL], "capabilities": ["vision"], "version": "0.33.0"})
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 22)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _reply(writer: asyncio.StreamWriter, value: object) -> None:
    body = json.dumps(value).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def _speak(writer: asyncio.StreamWriter) -> None:
    scene = {
        "description": "A bride in a long white dress walks down the aisle of a small church on her father's arm.",
        "tags": ["bride", "aisle", "church"],
        "objects": ["dress", "flowers"],
        "people_count": 2,
        "relationships": [],
        "emotions": ["joy"],
        "setting": "church",
        "visible_text": "",
        "event_type": "wedding",
        "excitement": 0.7,
    }
    text = json.dumps(scene)
    size = -(-len(text) // CHUNKS)
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
    began = asyncio.get_running_loop().time()
    for number, part in enumerate(parts, 1):
        due = began + LATENCY_S * number / len(parts)
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        line = {"model": "llava:7b", "message": {"role": "assistant", "content": part}, "done": False}
        if number == len(parts):
            line |= {"done": True, "done_reason": "stop"}
        body = json.dumps(line).encode() + b"\n"
        writer.write(b"%x\r\n%b\r\n" % (len(body), body))
    writer.write(b"0\r\n\r\n")


if __name__ == "__main__":
    main()
