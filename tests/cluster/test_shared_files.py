"""Shared files have the same result on either machine."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.loopback import Loopback
from vidlocal.app.cluster.fast_engines import fast_identities
from vidlocal.app.cluster.hosts import ClusterHosts, models_of
from vidlocal.app.cluster.sampler import ClusterSampler
from vidlocal.app.cluster.shared_files import SharedFiles, parse_mounts
from vidlocal.app.cluster.site import Site
from vidlocal.app.engines.open_engines import open_ingest_tools
from vidlocal.errors import MediaError, UsageError
from vidlocal.ingest.outcome import IngestResult
from vidlocal.ingest.run import IngestTools, ingest
from vidlocal.media import files
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.settings import load
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

CLIP = Path(__file__).parents[2] / "vidlocal" / "demo" / "a-year-outside.mp4"


@dataclass(frozen=True)
class Shared:
    """Two folders with the same films, and a machine with the second folder."""

    here: Path
    there: Path
    connection: Loopback
    machines: ClusterHosts
    tools: IngestTools


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    place = tmp_path_factory.mktemp("shared")
    here, there = place / "here", place / "there"
    for folder in (here, there):
        folder.mkdir()
        shutil.copy(CLIP, folder / "one.mp4")
        with open(folder / "two.mp4", "wb") as file:
            file.write(CLIP.read_bytes() + b"\0" * 8)  # another file with the same frames
    settings = load({"home": str(place / "home"), "ollama_host": "127.0.0.1:9"})
    site = Site(settings, mounts=parse_mounts([f"{here}={there}"]))
    connection = Loopback({"nas": site.handle})
    with ExitStack() as stack:
        stack.callback(site.close)
        tools = open_ingest_tools(stack, settings)
        messages: list[str] = []
        machines = ClusterHosts(connection, models_of(settings), messages.append, False, fast_identities(tools.fast))
        machines.first()
        assert messages == ["nas of the cluster works, too: OCR, decoding."]
        yield Shared(here, there, connection, machines, tools)


def indexed(home: Path, shared: Shared, *, elsewhere: bool) -> list[tuple[object, ...]]:
    """The frames of the films, with their images, in a new library."""
    from dataclasses import replace

    with ExitStack() as stack:
        library = stack.enter_context(Library.open(home, create=True))
        lock = stack.enter_context(ProcessLock(home))
        pools = shared.machines.pools
        sampler = stack.enter_context(ClusterSampler(lambda: pools.get("files"), 2.0)) if elsewhere else None
        tools = replace(shared.tools, sampler=sampler)
        outcomes = list(ingest(library, [shared.here], tools, lock, every=2.0, later=True))
        assert [outcome.result for outcome in outcomes] == [IngestResult.ADDED] * 2
        rows = library.rows("SELECT video_id, time, shot, image, dhash, same_as, rank, novelty FROM frames ORDER BY id")
        images = [(home / str(row["image"])).read_bytes() for row in rows if row["image"] is not None]
        return [*(tuple(row) for row in rows), *((image,) for image in images)]


def test_a_film_decoded_elsewhere_is_the_film_decoded_here(shared: Shared, tmp_path: Path) -> None:
    before = len(shared.connection.calls)
    elsewhere = indexed(tmp_path / "elsewhere", shared, elsewhere=True)
    assert len(shared.connection.calls) > before  # the second film; the first one was at its turn at once
    assert elsewhere == indexed(tmp_path / "here", shared, elsewhere=False)


def test_a_machine_that_leaves_leaves_the_films_to_this_one(shared: Shared, tmp_path: Path) -> None:
    shared.connection.gone.add("nas")
    try:
        assert len(indexed(tmp_path / "alone", shared, elsewhere=True)) > 2
    finally:
        shared.connection.gone.clear()


def test_another_file_of_the_same_name_is_not_used(shared: Shared, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = SharedFiles(stack, find_ffmpeg(None), parse_mounts([f"{shared.here}={shared.there}"]))
        wrong = files.content_hash(shared.there / "two.mp4")
        with pytest.raises(MediaError, match="another file"):
            there.sample(str(shared.here / "one.mp4"), wrong, 2.0, "frames/x")


def test_files_outside_the_shared_folders_are_not_opened(shared: Shared, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    shutil.copy(CLIP, secret)
    (shared.there / "link.mp4").symlink_to(secret)
    known = files.content_hash(secret)
    with ExitStack() as stack:
        there = SharedFiles(stack, find_ffmpeg(None), parse_mounts([f"{shared.here}={shared.there}"]))
        for path in (secret, shared.here / "link.mp4", shared.here / ".." / secret.name, Path("/etc/passwd")):
            with pytest.raises(MediaError, match="not in a folder of --map"):
                there.sample(str(path), known, 2.0, "frames/x")
    (shared.there / "link.mp4").unlink()


@pytest.mark.parametrize("value", ["", "/a", "a=/tmp", "/a=/nowhere/at/all", "=/tmp"])
def test_a_map_that_is_none_is_wrong_usage(value: str) -> None:
    with pytest.raises(UsageError, match="--map"):
        parse_mounts([value])
