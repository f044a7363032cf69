"""Completion for bash, zsh and fish: scripts, parsing of requests, and answers.

A shell calls the program with `_VIDLOCAL_COMPLETE=complete_bash` (or zsh, fish). Bash passes the line up to the cursor
in COMP_LINE, the others pass the words as arguments. The answer is one word per line, for zsh and fish with a tab and a
description; the shell evaluates and expands nothing. Exit code 3 requests file names from the shell.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidlocal.errors import UsageError

VARIABLE = "_VIDLOCAL_COMPLETE"
COMPLETE_FILES = 3

Quote = Literal["", "'", '"']

# Default characters at which bash begins a new word to replace (COMP_WORDBREAKS).
_WORD_BREAKS = " \t\n\"'@><=;|&(:"
_SAFE_CHARACTER = re.compile(r"[\w./+,%@:=-]")

BASH = r"""_vidlocal_completion() {
    local candidates line
    COMPREPLY=()
    candidates=$(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
        _VIDLOCAL_COMPLETE=complete_bash "${1/#\~\//$HOME/}" 2>/dev/null </dev/null)
    if [ $? -eq 3 ]; then
        compopt -o default 2>/dev/null
        return
    fi
    [ -n "$candidates" ] || return
    while IFS= read -r line; do
        COMPREPLY+=("$line")
        case $line in *[:@=]) compopt -o nospace 2>/dev/null ;; esac
    done <<<"$candidates"
}
complete -F _vidlocal_completion vidlocal
"""

ZSH = r"""#compdef vidlocal
_vidlocal() {
    local candidates line
    local -a whole notes open opennotes
    candidates=$(_VIDLOCAL_COMPLETE=complete_zsh "${${(Q)words[1]}/#\~\//$HOME/}" \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)
    if (( $? == 3 )); then
        _files
        return
    fi
    [[ -n $candidates ]] || return 1
    for line in "${(@f)candidates}"; do
        if [[ ${line%%$'\t'*} == *[:@=] ]]; then
            open+=("${line%%$'\t'*}")
            opennotes+=("${line//$'\t'/  -- }")
        else
            whole+=("${line%%$'\t'*}")
            notes+=("${line//$'\t'/  -- }")
        fi
    done
    (( $#whole )) && compadd -l -d notes -a -- whole
    (( $#open )) && compadd -l -S '' -d opennotes -a -- open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _vidlocal "$@"
else
    compdef _vidlocal vidlocal
fi
"""

FISH = r"""function __vidlocal_completion
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l candidates (env _VIDLOCAL_COMPLETE=complete_fish $words[1] $words[2..-1] "$typed" 2>/dev/null </dev/null)
    if test $status -eq 3
        __fish_complete_path "$typed"
    else if set -q candidates[1]
        string join \n -- $candidates
    end
end
complete -c vidlocal -f -a '(__vidlocal_completion)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


@dataclass(frozen=True, slots=True)
class CursorWord:
    """The word at the cursor: value so far, open quote, and number of characters not replaced by bash."""

    value: str
    quote: Quote
    kept_chars: int


def split_line(line: str, breaks: str = _WORD_BREAKS) -> tuple[list[str], CursorWord]:
    """Split a line like bash. The last word, before the cursor, is returned apart."""
    words: list[str] = []
    value, quote, kept_chars, has_begun = "", "", 0, False
    characters = iter(line)
    for character in characters:
        if quote == "'" and character != "'":
            value += character
        elif character == "\\" and quote != "'":
            escaped = next(characters, "")
            value += escaped if not quote or escaped in '$`"\\' else character + escaped
            has_begun = True
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote, kept_chars, has_begun = character, len(value), True
        elif not quote and character.isspace():
            if has_begun:
                words.append(value)
            value, kept_chars, has_begun = "", 0, False
        else:
            value, has_begun = value + character, True
            if not quote and character in breaks:
                kept_chars = len(value)
    return words, CursorWord(value, "'" if quote == "'" else '"' if quote else "", kept_chars)


def escape(text: str, quote: Quote) -> str | None:
    """Escape `text` for an open quote, or for none. None if impossible."""
    if quote == "'":
        return None if "'" in text else text
    if quote == '"':
        escaped = re.sub(r'([$`"\\])', r"\\\1", text)
        # Readline adds a closing quote, but not after a quote.
        return None if "!" in text else escaped + '"' * escaped.endswith('"')
    return "".join(character if _SAFE_CHARACTER.fullmatch(character) else f"\\{character}" for character in text)


def parse_request(arguments: Sequence[str], env: Mapping[str, str]) -> tuple[list[str], CursorWord]:
    """Return the words before the cursor, without the program name, and the word at the cursor."""
    line = env.get("COMP_LINE", env.get("_TYPER_COMPLETE_ARGS"))
    if line is not None:
        words, typed = split_line(line, env.get("COMP_WORDBREAKS") or _WORD_BREAKS)
        return words[1:], typed
    if "COMP_WORDS" in env:  # the array of bash, one word per line
        words = env["COMP_WORDS"].split("\n" if "\n" in env["COMP_WORDS"] else " ")
        position = int(env["COMP_CWORD"]) if env.get("COMP_CWORD", "").isdecimal() else len(words) - 1
        return words[1:position], CursorWord(words[position] if position < len(words) else "", "", 0)
    *before, last = arguments or [""]
    return before, CursorWord(split_line(last)[1].value if env.get(VARIABLE) == "complete_fish" else last, "", 0)


def print_candidates(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Print the candidates for the calling shell. Returns the exit code."""
    from vidlocal.cli.ui.completion import candidates, library_folder

    shell = env.get(VARIABLE, "").removeprefix("complete_")
    home = library_folder()
    if home is None or shell not in SCRIPTS:
        return 0
    words, typed = parse_request(arguments, env)
    matches = candidates(words, typed.value, home)
    if matches is None:
        return COMPLETE_FILES
    lines = []
    for match in matches:
        if shell != "bash":
            description = "".join(character if character.isprintable() else " " for character in match.description)
            lines.append(f"{match.word}\t{description}" if description else match.word)
        elif (word := escape(match.word[typed.kept_chars :], typed.quote)) is not None:
            lines.append(word)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def complete(arguments: Sequence[str]) -> int:
    """Answer the calling shell and return the exit code. Never writes to stderr; after an error there is no answer."""
    with suppress(Exception):
        return print_candidates(arguments, os.environ)
    return 0


# ------------------------------------------------------------ installing


def completion_script() -> str:
    """Return the completion script of the calling shell."""
    return SCRIPTS[_shell()]


def install() -> Path:
    """Install the script for the calling shell, and return the path."""
    shell, home = _shell(), Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    paths = {
        "bash": home / ".bash_completions" / "vidlocal.sh",
        "zsh": home / ".zfunc" / "_vidlocal",
        "fish": config / "fish" / "completions" / "vidlocal.fish",
    }
    path = paths[shell]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPTS[shell], encoding="utf-8")
        if shell == "bash":
            _add_line(home / ".bashrc", f"source '{path}'")
        elif shell == "zsh":
            _add_line(home / ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit")
    except OSError as error:
        raise UsageError(
            f"{error.filename or path}: cannot be written ({error.strerror}). To print the script, run: "
            "vidlocal --show-completion"
        ) from error
    return path


def _add_line(file: Path, line: str) -> None:
    """Append a line to a file of the user unless present. All other bytes stay unchanged."""
    before = file.read_bytes() if file.exists() else b""
    if line.encode() not in before.splitlines():
        with file.open("ab") as appended:
            appended.write(b"\n" * (bool(before) and not before.endswith(b"\n")) + line.encode() + b"\n")


def _shell() -> str:
    """Return the nearest parent process with the name of a known shell, else the login shell."""
    import psutil

    with suppress(psutil.Error):
        for process in psutil.Process().parents():
            name = str(process.name()).lstrip("-")
            if name in SCRIPTS:
                return name
    name = Path(os.environ.get("SHELL", "")).name
    if name in SCRIPTS:
        return name
    raise UsageError(f"{name or 'Unknown shell'}: no completion script. Supported shells: {', '.join(SCRIPTS)}.")
