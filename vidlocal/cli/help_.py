"""`vidlocal help`."""

import re
import textwrap
from typing import Annotated

import typer
from typer.core import TyperGroup

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.help_topics import TOPICS
from vidlocal.errors import UsageError

# An indented term, two or more spaces, and its explanation.
_term = re.compile(r" +\S+(?: \S+)*?  +(?=\S)")
_MIN_EXPLANATION_CELLS = 30

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
        typer.echo(_wrapped(text, console.rich_console().width) if topic in TOPICS and console.is_terminal() else text)


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


def _wrapped(text: str, width: int) -> str:
    """Wrap a topic between words, but not inside commands, for copying."""
    return "\n\n".join(_wrapped_block(block, width) for block in text.split("\n\n"))


def _wrapped_block(block: str, width: int) -> str:
    if not block.startswith(" "):
        return textwrap.fill(block, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(_wrapped_line(line, width) for line in block.splitlines())


def _wrapped_line(line: str, width: int) -> str:
    match = _term.match(line)
    if match is None or len(line) <= width:
        return line
    column = match.end() if width - match.end() >= _MIN_EXPLANATION_CELLS else 4
    return textwrap.fill(line, width, subsequent_indent=" " * column, break_long_words=False, break_on_hyphens=False)
