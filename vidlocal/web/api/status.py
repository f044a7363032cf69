"""Live progress of the work on a library, and its control."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

from starlette.responses import StreamingResponse

from vidlocal.app.doctor.run import run_checks
from vidlocal.app.servers.models import list_server_models
from vidlocal.enrich import report
from vidlocal.enrich.plan import describe_reason, read_plan
from vidlocal.enrich.status import Status, read
from vidlocal.errors import UsageError, VidlocalError
from vidlocal.media.extensions import MEDIA_EXTENSIONS
from vidlocal.records import EnrichmentStatus, Video
from vidlocal.render.sanitize import to_json
from vidlocal.render.status import headline
from vidlocal.settings import Settings
from vidlocal.settings.servers import ServerSetting
from vidlocal.store.content import frames, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import for_videos
from vidlocal.store.values import now_utc
from vidlocal.web.operations import Call

_EVENT_INTERVAL_S = 1.0
# Reverse proxies and browsers close a silent connection.
_HEARTBEAT_S = 15.0
_MAX_PLANNED = 10
_MAX_ENTRIES = 500
_MAX_VIDEOS = 30


def status(library: Library, call: Call) -> object:
    """Show progress, running work, failures and time left."""
    return _status_data(library, read(library), call)


async def events(call: Call) -> StreamingResponse:
    """Send the status as server-sent events after each change."""
    return StreamingResponse(_changes(call), media_type="text/event-stream")


def plan(library: Library, call: Call) -> object:
    """List the next frames to caption, with reasons."""
    planned = read_plan(library)
    titles = {line.video.id: line.video.title for line in planned.videos}
    return {
        "seconds_per_frame": planned.seconds_per_frame,
        "next": [
            {
                "frame": frame.frame_id,
                "video": {"id": frame.video_id, "title": titles.get(frame.video_id, "")},
                "time": frame.time,
                "why": describe_reason(frame),
            }
            for frame in planned.first[:_MAX_PLANNED]
        ],
    }


def reports(library: Library, call: Call) -> object:
    """List the reports of the last runs, newest first."""
    return {"reports": [stored.as_data() for stored in report.latest(library, limit=call["limit"])]}


def pause(library: Library, call: Call) -> object:
    """Pause all running enrich and worker processes."""
    if facts.get(library, facts.PAUSED) is None:
        facts.put(library, facts.PAUSED, now_utc())
    return _status_data(library, read(library), call)


def resume(library: Library, call: Call) -> object:
    """Resume paused processes."""
    facts.delete(library, facts.PAUSED)
    return _status_data(library, read(library), call)


def retry(library: Library, call: Call) -> object:
    """Queue failed jobs again, of a video or all."""
    retried = jobs.retry(library, for_videos(call["video"])) if call["video"] else jobs.retry(library)
    return {"retried": retried}


async def start_enrich(call: Call) -> object:
    """Start `vidlocal enrich`: all videos, within hours and a budget of frames per video."""
    words = ["enrich", "--json"]
    if call["overnight"]:
        words.append("--overnight")
    if call["hours"]:
        words += ["--for", f"{call['hours']:g}h"]
    if call["budget"]:
        words += ["--budget", str(call["budget"])]
    words.append(f"id:{call['video']}" if call["video"] else "--all")
    return call.services.commands.start(*words).as_data()


async def start_ingest(call: Call) -> object:
    """Start `vidlocal ingest` of a file or folder of this machine. Nothing is copied."""
    path = _absolute(call["path"])
    try:
        path.stat()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.") from None
    return call.services.commands.start("ingest", "--json", "--", str(path)).as_data()


async def start_watch(call: Call) -> object:
    """Start `vidlocal worker` for new files of a folder and captions at night."""
    path = _absolute(call["path"])
    if not os.path.isdir(path):
        raise UsageError(f"{path}: not a folder.")
    return call.services.commands.start("worker", "--json", "--watch", str(path)).as_data()


async def list_commands(call: Call) -> object:
    """List the commands started from the page, newest first."""
    return {"commands": [command.as_data() for command in call.services.commands.every()]}


async def stop_command(call: Call) -> object:
    """Interrupt a command started from the page. Finished work is kept."""
    return call.services.commands.stop(call["command"]).as_data()


async def browse(call: Call) -> object:
    """List the folders and media files of a folder of this machine; without a path, places to begin."""
    if not call["path"]:
        return {
            "path": None,
            "parent": None,
            "folders": [str(path) for path in _places(call.services.load())],
            "files": 0,
        }
    path = _absolute(call["path"])
    try:
        entries = [entry for entry in os.scandir(path) if not entry.name.startswith(".")]
        folders = sorted(entry.path for entry in entries if os.path.isdir(entry.path))
        files = sum(Path(entry.name).suffix.lower() in MEDIA_EXTENSIONS for entry in entries)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.") from None
    return {"path": str(path), "parent": str(path.parent), "folders": folders[:_MAX_ENTRIES], "files": files}


async def servers(call: Call) -> object:
    """List the model servers of the settings, their models, and the use of each."""
    settings = call.services.load()
    return {"servers": [asdict(server) for server in await asyncio.to_thread(list_server_models, settings)]}


async def doctor(call: Call) -> object:
    """Check the installation; each problem has a fix."""
    checks = await asyncio.to_thread(lambda: list(run_checks(call.services.load())))
    return {"checks": [asdict(check) for check in checks]}


def _absolute(text: str) -> Path:
    """Return a typed path. Raises UsageError for a relative or impossible one."""
    path = Path(os.path.expanduser(text.strip()))
    if not path.is_absolute():
        raise UsageError("path: not an absolute path. Example: /home/anna/Videos")
    return path


def _places(settings: Settings) -> list[Path]:
    """Return the folders of the settings, else the home folder and its existing media folders."""
    configured = [Path(folder) for folder in settings.page_folders.split(", ") if folder]
    if configured:
        return [folder for folder in configured if os.path.isdir(folder)]
    home = Path.home()
    names = ("Videos", "Movies", "Pictures", "Music", "Desktop", "Downloads")
    folders = [home, *(home / name for name in names), Path("/media"), Path("/mnt"), Path("/Volumes")]
    return [folder for folder in folders if os.path.isdir(folder)]


async def _changes(call: Call) -> AsyncIterator[str]:
    last, silent_s = "", 0.0
    while True:
        text = await call.services.status.text(partial(_read_text, call))
        if text != last:
            last, silent_s = text, 0.0
            yield f"data: {text}\n\n"
        elif silent_s >= _HEARTBEAT_S:
            silent_s = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(_EVENT_INTERVAL_S)
        silent_s += _EVENT_INTERVAL_S


async def _read_text(call: Call) -> str:
    try:
        return to_json(await call.services.libraries.run(lambda library: _status_data(library, read(library), call)))
    except VidlocalError as error:
        return to_json({"error": str(error)})


def _status_data(library: Library, current: Status, call: Call) -> dict[str, object]:
    """Return the status with a headline, the progress of each video, and the commands of the page."""
    settings = call.services.load()
    return current.as_data() | {
        "headline": headline(current),
        "window": settings.window,
        "servers": [_server_pace(library, server) for server in settings.model_servers],
        "read_only": call.services.read_only or library.read_only,
        "by_video": [_video_progress(library, video) for video in _open_videos(library, current)],
        "commands": [command.as_data() for command in call.services.commands.every()],
    }


def _server_pace(library: Library, server: ServerSetting) -> dict[str, object]:
    """Return a server, its roles, and the seconds of its last request about a frame; None before the first."""
    pace = facts.get(library, facts.server_pace_key(server.url))
    return {
        "address": server.url,
        "kind": server.kind,
        "roles": sorted(server.roles),
        "seconds_per_frame": None if pace is None else float(pace),
    }


def _open_videos(library: Library, current: Status) -> list[Video]:
    """List videos with frames left to caption, current videos first."""
    at_work = {work.video.id: work.video for work in current.running}
    others = (
        video
        for video in videos.every(library)
        if video.id not in at_work and video.enrichment_status is not EnrichmentStatus.ENRICHED
    )
    return [*at_work.values(), *islice(others, _MAX_VIDEOS)]


def _video_progress(library: Library, video: Video) -> dict[str, object]:
    coverage = frames.coverage(library, video.id)
    return {"id": video.id, "title": video.title, "frames": coverage.total, "described": coverage.described}
