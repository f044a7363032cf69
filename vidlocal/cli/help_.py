"""`vidlocal help`."""

from typing import Annotated

import typer
from typer.core import TyperGroup

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.help_topics import TOPICS
from vidlocal.errors import UsageError

EXAMPLES = ("vidlocal help", "vidlocal help query", "vidlocal help clip")


def command(
    ctx: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help=f"{', '.join(TOPICS)}, or a command (default: all commands).")
    ] = None,
    json: options.Json = False,
) -> None:
    """Explain a command or a topic: query, exit-codes, settings, scripting."""
    text = _text(ctx, topic)
    if json:
        console.document({"topic": topic, "text": text})
    else:
        typer.echo(text)


def _text(ctx: typer.Context, topic: str | None) -> str:
    root = ctx.parent
    assert root is not None
    if topic is None:
        return f"{root.get_help()}\n\nTopics: {', '.join(f'vidlocal help {name}' for name in TOPICS)}"
    if topic in TOPICS:
        return TOPICS[topic].strip()
    group = root.command
    assert isinstance(group, TyperGroup)
    if topic not in group.commands:
        raise UsageError(f"{topic}: no such topic. Topics: {', '.join(TOPICS)}, or any command.")
    _, command, _ = group.resolve_command(root, [topic])
    assert command is not None
    with command.make_context(topic, [], parent=root, resilient_parsing=True) as context:
        return command.get_help(context)
