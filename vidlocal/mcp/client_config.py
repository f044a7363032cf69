"""Configuration of assistants for `vidlocal mcp`. Pure."""

import json
from collections.abc import Sequence
from enum import StrEnum


class Assistant(StrEnum):
    """Programs with a known form of configuration."""

    CLAUDE = "claude"
    CURSOR = "cursor"
    VSCODE = "vscode"
    CODEX = "codex"


FILES = {
    Assistant.CLAUDE: "claude_desktop_config.json, or .mcp.json of a project",
    Assistant.CURSOR: "~/.cursor/mcp.json",
    Assistant.VSCODE: ".vscode/mcp.json",
    Assistant.CODEX: "~/.codex/config.toml",
}


def config_lines(assistant: Assistant, command: str, arguments: Sequence[str]) -> str:
    """Return the lines to paste."""
    entry: dict[str, object] = {"command": command, "args": list(arguments)}
    if assistant is Assistant.CODEX:
        return f"[mcp_servers.vidlocal]\ncommand = {json.dumps(command)}\nargs = {json.dumps(list(arguments))}\n"
    if assistant is Assistant.VSCODE:
        return json.dumps({"servers": {"vidlocal": {"type": "stdio", **entry}}}, indent=2) + "\n"
    return json.dumps({"mcpServers": {"vidlocal": entry}}, indent=2) + "\n"
