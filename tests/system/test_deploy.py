"""Containers, services and manifests: valid commands of vidlocal, and none as root."""

import plistlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from vidlocal.cli import COMMANDS, load_command

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = [ROOT / "compose.yaml", ROOT / "deploy" / "compose.join.yaml"]


def services(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(page.read_text("utf-8"))["services"]
    return found


def ours(page: Path) -> dict[str, Any]:
    return {name: service for name, service in services(page).items() if service["image"] == "vidlocal"}


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8")))


def containers() -> Iterator[dict[str, Any]]:
    for manifest in manifests():
        if manifest["kind"] == "Deployment":
            yield from manifest["spec"]["template"]["spec"]["containers"]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for page in COMPOSE:
        for name, service in ours(page).items():
            yield f"{page.name} {name}", service["command"]
    for unit in sorted((ROOT / "deploy" / "systemd").glob("*.service")):
        (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text("utf-8"), re.MULTILINE)
        program, *words = shlex.split(line)
        assert program == "%h/.local/bin/vidlocal"
        yield unit.name, words
    for plist in sorted((ROOT / "deploy" / "launchd").glob("*.plist")):
        program, *words = plistlib.loads(plist.read_bytes())["ProgramArguments"]
        assert program.endswith("/vidlocal")
        yield plist.name, words
    for container in containers():
        if container["image"] == "vidlocal":
            yield f"kubernetes {container['name']}", [str(word) for word in container["args"]]


LINES = dict(command_lines())


@pytest.mark.parametrize("name", LINES)
def test_the_command_is_taken(name: str, tmp_path: Path) -> None:
    command, *words = LINES[name]
    assert command in COMMANDS
    load_command(command).make_context(command, list(words))


def test_services_are_the_same_everywhere() -> None:
    for kind in ("web", "worker", "cluster", "join"):
        unit, plist = LINES[f"vidlocal-{kind}.service"], LINES[f"vidlocal.{kind}.plist"]
        assert [word for word in unit if "/" not in word] == [word for word in plist if "/" not in word]


def test_the_image_needs_no_root_and_tells_its_health() -> None:
    assert re.search(r"^USER 1000$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("useradd --uid 1000") < DOCKERFILE.index("USER 1000")
    assert "HEALTHCHECK" in DOCKERFILE
    assert DOCKERFILE.count("\nFROM ") == 2  # the compiler's leftovers stay in the first


def test_all_that_is_copied_into_the_image_exists_and_reaches_the_builder() -> None:
    let_through = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    sources = [
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    ]
    assert sorted(sources) == sorted(let_through)
    assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("page", COMPOSE, ids=lambda page: page.name)
def test_containers_of_vidlocal_cannot_change_the_media_or_gain_rights(page: Path) -> None:
    assert ours(page)
    for service in ours(page).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(mount.endswith((":/library", ":/media:ro")) for mount in service["volumes"])


def test_one_server_of_models_is_chosen_by_its_profile() -> None:
    servers = {name: service for name, service in services(COMPOSE[0]).items() if name not in ("web", "worker")}
    assert {name: service["profiles"] for name, service in servers.items()} == {
        "ollama": ["cpu"],
        "ollama-gpu": ["gpu"],
        "llamacpp": ["llamacpp"],
        "vllm": ["vllm"],
    }
    assert all("healthcheck" in service for service in servers.values())


def test_the_page_is_published_on_this_machine_only() -> None:
    published = [port for service in services(COMPOSE[0]).values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8421:8421"]


def test_kubernetes_never_runs_two_owners_of_a_library() -> None:
    (owner,) = [manifest for manifest in manifests() if manifest["metadata"]["name"] == "vidlocal"]
    assert owner["spec"]["replicas"] == 1
    assert owner["spec"]["strategy"] == {"type": "Recreate"}
    claims = {manifest["metadata"]["name"] for manifest in manifests() if manifest["kind"] == "PersistentVolumeClaim"}
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in owner["spec"]["template"]["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert used == claims
