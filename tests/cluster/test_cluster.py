"""Machines of a cluster as separate processes, with fake model servers."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from distributed import Client
from distributed.core import rpc
from distributed.protocol.serialize import ToPickle

from tests.support.cluster import NO_SERVER, PROGRAM, Cluster, cluster, free_ports, running
from tests.support.commands import Run
from tests.support.fake_models import CATALOGUE
from tests.support.fake_ollama import Asked, Behaviour, FakeOllama
from vidlocal.cluster import certificates, dask_nodes
from vidlocal.cluster.addresses import parse_address
from vidlocal.store.database import Library

CLIP = Path(__file__).parents[2] / "vidlocal" / "demo" / "a-year-outside.mp4"


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the owner, with a video without captions."""
    home = tmp_path_factory.mktemp("owner") / "home"
    assert vidlocal(home, "ingest", str(CLIP), "--later", "--quiet").returncode == 0
    return home


@pytest.fixture(scope="module")
def made(owner: Path) -> Iterator[Cluster]:
    with cluster(owner) as started:
        yield started


def vidlocal(home: Path, *words: str, server: str = NO_SERVER) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "VIDLOCAL_HOME": str(home), "VIDLOCAL_OLLAMA_HOST": server}
    return subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=120)


def fresh(owner: Path, home: Path) -> Path:
    """A copy of the owner's library and certificates, without captions."""
    home.mkdir()
    with Library.open(owner) as library:
        library.connection.execute("VACUUM INTO ?", (str(home / "library.db"),))
    for name in ("frames", "cluster"):
        if (owner / name).exists():
            shutil.copytree(owner / name, home / name)
    return home


def captions(home: Path) -> list[tuple[int, str]]:
    with Library.open(home) as library:
        rows = library.rows("SELECT frame_id, text FROM passages WHERE kind = 'scene' ORDER BY frame_id, text")
    return [(row["frame_id"], row["text"]) for row in rows]


def test_a_machine_that_joined_captions_as_this_one_does(made: Cluster, owner: Path, tmp_path: Path) -> None:
    here, there = fresh(owner, tmp_path / "here"), fresh(owner, tmp_path / "there")
    with FakeOllama() as server:
        assert vidlocal(here, "enrich", "--only", "describe", server=server.host).returncode == 0
        with made.join(tmp_path / "pc", server.host, name="pc"):
            done = vidlocal(there, "enrich", "--cluster", "--only", "describe", "--json")
    assert done.returncode == 0, done.stderr
    assert "pc of the cluster works, too: llava:7b, phi3.5:latest, embeddinggemma:latest, OCR." in done.stderr
    assert len(captions(here)) > 0
    assert captions(there) == captions(here)
    summary = json.loads(done.stdout)
    with Library.open(there) as library:
        images = sum(
            (there / row[0]).stat().st_size for row in library.rows("SELECT image FROM frames WHERE image NOT NULL")
        )
    assert summary["sent_bytes"] > images
    assert re.search(r"^sent\t[\d.]+ MB to the cluster$", vidlocal(there, "report").stdout, re.MULTILINE)


def test_ingest_lets_other_machines_read(made: Cluster, owner: Path, tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    for home in (alone, together):
        home.mkdir()
        shutil.copytree(owner / "cluster", home / "cluster")
    assert vidlocal(alone, "ingest", str(CLIP)).returncode == 0
    shutil.copytree(CLIP.parent, tmp_path / "share")
    with made.join(tmp_path / "pc", NO_SERVER, "--map", f"{CLIP.parent}={tmp_path / 'share'}", name="pc"):
        done = vidlocal(together, "ingest", str(CLIP), "--cluster")
    assert done.returncode == 0, done.stderr
    assert "pc of the cluster works, too: OCR, decoding." in done.stderr
    assert " sent to the cluster." in done.stderr
    assert texts(together) == texts(alone)
    assert len(texts(alone)) > 0


def texts(home: Path) -> list[tuple[object, ...]]:
    with Library.open(home) as library:
        rows = library.rows("SELECT kind, start, end, text FROM passages WHERE kind = 'screen_text' ORDER BY start")
    return [tuple(row) for row in rows]


def test_a_machine_killed_in_the_middle_of_a_frame_loses_nothing(made: Cluster, owner: Path, tmp_path: Path) -> None:
    home = fresh(owner, tmp_path / "home")
    asked, release = threading.Event(), threading.Event()

    def hang(request: Asked) -> Behaviour | None:
        if request.picture is not None and "colour" not in request.prompt.lower():
            asked.set()
            release.wait(60)
        return None

    with FakeOllama() as dying, FakeOllama() as other:
        dying.choose = hang
        with (
            made.join(tmp_path / "laptop", dying.host, name="laptop") as victim,
            made.join(tmp_path / "desk", other.host, name="desk"),
            running(home, NO_SERVER, "enrich", "--cluster", "--only", "describe", "--json") as run,
        ):
            assert asked.wait(60)
            victim.kill()
            output, errors = run.communicate(timeout=120)
        release.set()
    assert run.returncode == 0, errors
    assert json.loads(output)["failed"] == 0
    frames = [frame for frame, _ in captions(home)]
    assert len(frames) == len(set(frames)) > 0
    with Library.open(home) as library:
        assert library.number("SELECT count(*) FROM jobs WHERE kind = 'describe' AND state <> 'done'") == 0
        assert library.number("SELECT max(attempts) FROM jobs") == 0


def test_another_build_of_the_model_gets_no_work_and_is_named(made: Cluster, owner: Path, tmp_path: Path) -> None:
    home = fresh(owner, tmp_path / "home")
    other = replace(CATALOGUE["llava:7b"], digest="f" * 64)
    with FakeOllama() as here, FakeOllama([other, "phi3.5:latest", "embeddinggemma:latest"]) as there:
        with made.join(tmp_path / "old", there.host, name="old"):
            done = vidlocal(home, "enrich", "--cluster", "--only", "describe", server=here.host)
        assert done.returncode == 0, done.stderr
        assert not [request for request in there.asked("/api/chat") if request.picture is not None]
    assert "old: vision model llava:7b@ffffffffffff is another build than llava:7b@" in done.stderr


def test_a_wrong_token_gets_no_certificate(made: Cluster, tmp_path: Path) -> None:
    wrong = made.token[:-1] + ("0" if made.token[-1] != "0" else "1")
    place = made.address.removeprefix("tls://")
    done = vidlocal(tmp_path, "cluster", "join", place, "--token", wrong)
    assert done.returncode == 5
    assert "token is not that of this cluster" in done.stderr
    assert not certificates.has_certificate(tmp_path / "cluster")
    done = vidlocal(tmp_path, "cluster", "join", place, "--token", made.token.replace(made.token[9:73], "0" * 64))
    assert "token is not that of this cluster" in done.stderr


def test_a_machine_without_a_certificate_cannot_connect(made: Cluster, tmp_path: Path) -> None:
    done = vidlocal(tmp_path, "cluster", "join", made.address)
    assert done.returncode == 2
    assert "has not joined" in done.stderr
    assert "--token" in done.stderr
    stranger = tmp_path / "stranger" / "cluster"
    certificates.create_authority(stranger)
    (stranger / "address").write_text(made.address)
    done = vidlocal(stranger.parent, "cluster", "status")
    assert done.returncode == 5
    assert done.stderr.startswith(f"{made.address} has another certificate than when this machine joined. Run: ")


def test_a_second_machine_of_the_same_name_waits_and_says_so(made: Cluster, tmp_path: Path) -> None:
    words = ["cluster", "join", made.address, "--token", made.token, "--name", "twin"]
    with made.join(tmp_path / "one", NO_SERVER, name="twin"), running(tmp_path / "two", NO_SERVER, *words) as second:
        assert second.stderr is not None
        assert second.stderr.readline().startswith("Waiting: another machine is called twin.")


def test_nothing_but_vidlocals_task_runs_on_a_machine(made: Cluster, owner: Path, tmp_path: Path) -> None:
    """Even for a client with a certificate of the cluster."""
    target = tmp_path / "PWNED"
    folder = owner / "cluster"
    dask_nodes.configure(tmp_path)
    with FakeOllama() as server, made.join(tmp_path / "box", server.host, name="box"):
        address = parse_address(made.address)
        with Client(made.address, security=dask_nodes.security_of(folder, address), set_as_default=False) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            (box,) = [at for at, worker in workers.items() if worker["name"] == "box"]
            with pytest.raises(Exception, match=r".*"):
                client.submit(os.mkdir, str(target), workers=[box], pure=False).result(timeout=20)
            for attack in (client.run, client.run_on_scheduler):
                with pytest.raises(Exception, match=r".*"):
                    attack(os.mkdir, str(target))
            with pytest.raises(Exception, match=r".*"):
                client.upload_file(__file__)
            for address_of_peer in (made.address, box):
                with pytest.raises(Exception, match=r".*"):
                    client.sync(ask_with_code, address_of_peer, client, target)
        assert not target.exists()
        status = vidlocal(owner, "cluster", "status", "--json")
    assert "box" in [machine["name"] for machine in json.loads(status.stdout)["machines"]]


@dataclass
class Code:
    """A pickle with the side effect of a new folder."""

    target: Path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


async def ask_with_code(address: str, client: Client, target: Path) -> None:
    async with rpc(address, connection_args=client.connection_args) as peer:
        await peer.identity(more=ToPickle(Code(target)))


def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    done = vidlocal(tmp_path, "cluster", "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "This machine belongs to no cluster. Run: vidlocal cluster start\n"
    done = vidlocal(
        tmp_path, "cluster", "join", "--token", f"vidlocal-{'0' * 64}-{'0' * 32}", f"127.0.0.1:{free_ports()}"
    )
    assert done.returncode == 5
    assert done.stderr.startswith("No scheduler on 127.0.0.1")
    assert done.stderr.endswith("Run there: vidlocal cluster start\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cluster", "start", "--listen", "192.0.2.77"], "192.0.2.77 is not an address of this machine."),
        (["cluster", "start", "--token", "x"], "--token belongs to: vidlocal cluster join"),
        (["cluster", "status", "--reset"], "--reset belongs to: vidlocal cluster start"),
        (["cluster", "status", "--port", "1"], "--listen and --port belong to"),
        (["cluster", "join", "--json"], "--json belongs to"),
        (["cluster", "join", "--map", "/a"], "--map: '/a' is not FOLDER_OF_THE_OWNER=FOLDER_HERE."),
        (["cluster", "join", "a b"], "'a b' is not the address of a scheduler."),
        (["enrich", "--scheduler", "tcp://192.168.1.9:1"], "tcp://192.168.1.9:1: not encrypted"),
        (["ingest", ".", "--later", "--cluster"], "--later and --cluster exclude each other."),
    ],
)
def test_wrong_usage_is_a_sentence(run: Run, words: list[str], sentence: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith(sentence)


def test_a_run_goes_on_when_the_scheduler_is_started_again(owner: Path, tmp_path: Path) -> None:
    home, asked, release = fresh(owner, tmp_path / "home"), threading.Event(), threading.Event()

    def hang(request: Asked) -> Behaviour | None:
        if request.picture is not None and not asked.is_set():
            asked.set()
            release.wait(60)
        return None

    with FakeOllama() as server, cluster(home) as first, first.join(tmp_path / "pc", server.host, name="pc") as machine:
        server.choose = hang
        with running(home, NO_SERVER, "enrich", "--cluster", "--only", "describe", "--no-canary", "--json") as run:
            assert asked.wait(60)
            first.scheduler.kill()
            first.scheduler.wait()
            assert machine.stderr is not None
            assert machine.stderr.readline() == "The scheduler is gone.\n"
            port = first.address.rpartition(":")[2]
            with running(home, NO_SERVER, "cluster", "start", "--listen", "127.0.0.1", "--port", port):
                release.set()
                output, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    assert json.loads(output)["failed"] == 0
    described = [frame for frame, _ in captions(home)]
    assert len(described) == len(set(described)) > 0


def test_without_a_cluster_nothing_of_it_is_imported(owner: Path) -> None:
    code = (
        "import sys, vidlocal.cli.enrich, vidlocal.cli.worker, vidlocal.cli.ingest, vidlocal.app.enrich.run,"
        " vidlocal.app.enrich.service; print(*(name for name in sys.modules if name.split('.')[0] in"
        " ('dask', 'distributed', 'cryptography') or name.startswith('vidlocal.cluster')))"
    )
    done = subprocess.run([*PROGRAM[:1], "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
