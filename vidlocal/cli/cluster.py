"""`vidlocal cluster`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.cluster import services
from vidlocal.app.cluster.services import JoinOptions, Started
from vidlocal.app.cluster.shared_files import parse_mounts
from vidlocal.cli.ui import console, options
from vidlocal.cluster.addresses import DEFAULT_PORT
from vidlocal.enrich.runner.schedule import When
from vidlocal.errors import UsageError
from vidlocal.settings import load

if TYPE_CHECKING:
    from vidlocal.cluster.connection import Member

EXAMPLES = (
    "vidlocal cluster start                                  # on the machine of the library",
    "vidlocal cluster join 192.168.1.20 --token vidlocal-…   # on another machine",
    "vidlocal cluster join --map /mnt/nas=/Volumes/nas       # decodes files of the NAS, too",
    "vidlocal cluster join --when idle                       # again, as a service",
    "vidlocal cluster status                                 # then: vidlocal enrich --cluster",
)


class Action(StrEnum):
    """Action of the command."""

    START = "start"
    JOIN = "join"
    STATUS = "status"


ActionArgument = Annotated[
    Action,
    typer.Argument(
        metavar="start|join|status",
        help="start: let other machines join. join: work for another machine. status: list the machines.",
    ),
]
Address = Annotated[
    str | None,
    typer.Argument(metavar="ADDRESS", help="join: host or host:port of the scheduler (default: the last one)."),
]
Token = Annotated[str | None, typer.Option("--token", metavar="TOKEN", help="join: the token that start prints; once.")]
Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        metavar="IP",
        help="start, join: address of this machine to listen on.",
        show_default="that of its main network",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="N",
        min=1,
        max=65534,
        help="start, join: port; start also uses the next one.",
        show_default=f"start {DEFAULT_PORT}, join any",
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="join: name of this machine.", show_default="host name"),
]
WhenOption = Annotated[
    When | None,
    typer.Option(
        "--when",
        help="join: refuse work while in use or on battery (idle), on battery (plugged), never (any).",
        show_default="any",
    ),
]
Window = Annotated[
    str | None,
    typer.Option("--window", metavar="HH:MM-HH:MM", help="join: hours of work.", show_default="any hour"),
]
SharedFolders = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="THERE=HERE", help="join: folder of the owner that is also here; decodes its files."),
]
Reset = Annotated[
    bool, typer.Option("--reset", help="start: new certificates and token; all machines must join again.")
]


def command(
    action: ActionArgument,
    address: Address = None,
    token: Token = None,
    listen: Listen = None,
    port: Port = None,
    name: Name = None,
    when: WhenOption = None,
    window: Window = None,
    shared: SharedFolders = None,
    reset: Reset = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Let other machines caption, read and transcribe for this library.

    The library stays on this machine: it hands out frames and stores the answers. Connections are encrypted, and only
    machines that joined with the token get any frame. start and join run until Ctrl-C. All machines need the same
    version of vidlocal and the same models.
    """
    options_by_name = {"--token": token, "--name": name, "--when": when, "--window": window, "ADDRESS": address}
    options_by_name["--map"] = shared[0] if shared else None
    _refuse(action, Action.JOIN, options_by_name)
    _refuse(action, Action.START, {"--reset": reset or None})
    if action is Action.STATUS:
        if listen or port:
            raise UsageError("--listen and --port belong to: vidlocal cluster start, vidlocal cluster join")
        _status(json=json, quiet=quiet)
    elif action is Action.START:
        _start(listen, port or DEFAULT_PORT, reset=reset, json=json, quiet=quiet)
    else:
        if json:
            raise UsageError("--json belongs to: vidlocal cluster start, vidlocal cluster status")
        join = JoinOptions(name, listen, port or 0, when or When.ANY, window, parse_mounts(shared or ()))
        services.join_cluster(load(), address, token, join, lambda message: console.notice(message, quiet=quiet))


def _refuse(action: Action, owner: Action, options_by_name: Mapping[str, object]) -> None:
    """Raise UsageError for an option of another action."""
    names = [name for name, value in options_by_name.items() if value is not None]
    if action is not owner and names:
        raise UsageError(f"{names[0]} belongs to: vidlocal cluster {owner}")


def _start(listen: str | None, port: int, *, reset: bool, json: bool, quiet: bool) -> None:
    def on_start(started: Started) -> None:
        if json:
            console.document({"address": str(started.address), "token": started.token})
        else:
            console.line(str(started.address))
            console.line(started.token)
        console.flush()
        place = f"{started.address.host}:{started.address.port}"
        console.notice(f"On each other machine, run: vidlocal cluster join {place} --token TOKEN", quiet=quiet)
        console.notice("Who has the token can join and gets frames. Stop with Ctrl-C.", quiet=quiet)

    services.start_cluster(load(), listen=listen, port=port, reset=reset, on_start=on_start)


def _status(*, json: bool, quiet: bool) -> None:
    address, token, machines = services.cluster_status(load())
    if json:
        listed = [
            {"name": machine.name, "address": machine.address, "tags": dict(machine.tags), "tasks": machine.tasks}
            for machine in machines
        ]
        console.document({"address": str(address), "token": token, "machines": listed})
        return
    rows = [(machine.name, machine.address, _tags(machine), f"{machine.tasks} at work") for machine in machines]
    if console.is_terminal():
        from vidlocal.render import table

        console.show(table.facts([(name, "  ".join(cells)) for name, *cells in rows]))
    else:
        for row in rows:
            console.fields(*row)
    if not machines:
        console.notice("No machine has joined yet.", quiet=quiet)
    console.notice(f"Scheduler: {address}", quiet=quiet)
    if token:
        console.notice(f"Token: {token}", quiet=quiet)


def _tags(machine: "Member") -> str:
    return " ".join(f"{tag}={number:g}" for tag, number in sorted(machine.tags.items()))
