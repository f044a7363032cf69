"""Clips cut out of a video, and the player of the desktop."""

import asyncio
import os
from functools import partial
from pathlib import Path

from starlette.responses import FileResponse, Response

from vidlocal.app.export.clips import cut_span
from vidlocal.app.player import play
from vidlocal.export.sources import verified_path
from vidlocal.records import Video
from vidlocal.store.database import Library
from vidlocal.web.api.videos import get_video
from vidlocal.web.errors import NotFound
from vidlocal.web.operations import Call


async def cut_clip(call: Call) -> object:
    """Cut a part of a video into a file in the folder of clips."""
    video, path = await call.services.libraries.run(partial(_source, call=call))
    cut = partial(cut_span, call.services.load(), video, path, call["start"], call["end"], exact=call["exact"])
    file = await asyncio.to_thread(cut)
    return {"file": str(file), "name": file.name}


async def download_clip(call: Call) -> Response:
    """Download a clip from the folder of clips."""
    folder = call.services.load().clips_folder
    name = call["name"]
    if Path(name).name != name or not os.path.isfile(folder / name):
        raise NotFound(f"No clip {name}.")
    return FileResponse(folder / name, filename=name)


async def open_player(call: Call) -> object:
    """Play a video from a time in the player of this machine."""
    _, path = await call.services.libraries.run(partial(_source, call=call))
    player = call.services.load().player
    return {"notice": await asyncio.to_thread(partial(play, path, call["time"], player=player))}


def _source(library: Library, call: Call) -> tuple[Video, Path]:
    video = get_video(library, call)
    return video, verified_path(library, video)
