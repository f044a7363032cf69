"""How bash, zsh and fish ask for completion, and how they want to be answered.

A shell calls the program with `_VIDLOCAL_COMPLETE=complete_bash` (or zsh, fish). Bash gives the line up to the cursor
in COMP_LINE, the others give the words as arguments. The answer is one word a line, for zsh and fish with a tab and a
note; nothing in it is evaluated or expanded. Exit code 3 asks the shell for names of files.
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
FILES = 3

Quote = Literal["", "'", '"']

# The characters at which bash begins a new word to be replaced, unless it was told others.
_BREAKS = " \t\n\"'@><=;|&(:"
_PLAIN = re.compile(r"[\w./+,%@:=-]")

BASH = r"""_vidlocal_completion() {
    local found line
    COMPREPLY=()
    found=$(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
        _VIDLOCAL_COMPLETE=complete_bash "${1/#\~\//$HOME/}" 2>/dev/null </dev/null)
    if [ $? -eq 3 ]; then
        compopt -o default 2>/dev/null
        return
    fi
    [ -n "$found" ] || return
    while IFS= read -r line; do
        COMPREPLY+=("$line")
        case $line in *[:@=]) compopt -o nospace 2>/dev/null ;; esac
    done <<<"$found"
}
complete -F _vidlocal_completion vidlocal
"""

ZSH = r"""#compdef vidlocal
_vidlocal() {
    local found line
    local -a whole notes open opennotes
    found=$(_VIDLOCAL_COMPLETE=complete_zsh "${${(Q)words[1]}/#\~\//$HOME/}" \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)
    if (( $? == 3 )); then
        _files
        return
    fi
    [[ -n $found ]] || return 1
    for line in "${(@f)found}"; do
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
    set -l found (env _VIDLOCAL_COMPLETE=complete_fish $words[1] $words[2..-1] "$typed" 2>/dev/null </dev/null)
    if test $status -eq 3
        __fish_complete_path "$typed"
    else if set -q found[1]
        string join \n -- $found
    end
end
complete -c vidlocal -f -a '(__vidlocal_completion)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


@dataclass(frozen=True, slots=True)
class Typed:
    """The word at the cursor: its value so far, how it is quoted, and how much of the value bash will keep."""

    value: str
    quote: Quote
    kept: int


def split(line: str, breaks: str = _BREAKS) -> tuple[list[str], Typed]:
    """The words of a line as bash reads them, up to the last one, which the cursor stands behind."""
    words: list[str] = []
    value, quote, kept, begun = "", "", 0, False
    rest = iter(line)
    for letter in rest:
        if quote == "'" and letter != "'":
            value += letter
        elif letter == "\\" and quote != "'":
            after = next(rest, "")
            value += after if not quote or after in '$`"\\' else letter + after
            begun = True
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote, kept, begun = letter, len(value), True
        elif not quote and letter.isspace():
            if begun:
                words.append(value)
            value, kept, begun = "", 0, False
        else:
            value, begun = value + letter, True
            if not quote and letter in breaks:
                kept = len(value)
    return words, Typed(value, "'" if quote == "'" else '"' if quote else "", kept)


def quoted(text: str, quote: Quote) -> str | None:
    """`text` as it must be typed in an open quote, or in none. None where that cannot be."""
    if quote == "'":
        return None if "'" in text else text
    if quote == '"':
        inside = re.sub(r'([$`"\\])', r"\\\1", text)
        # Readline closes a quote, but not behind one.
        return None if "!" in text else inside + '"' * inside.endswith('"')
    return "".join(letter if _PLAIN.fullmatch(letter) else f"\\{letter}" for letter in text)


def asked(arguments: Sequence[str], env: Mapping[str, str]) -> tuple[list[str], Typed]:
    """The words before the one at the cursor, without the program's name, and that one."""
    line = env.get("COMP_LINE", env.get("_TYPER_COMPLETE_ARGS"))
    if line is not None:
        words, typed = split(line, env.get("COMP_WORDBREAKS") or _BREAKS)
        return words[1:], typed
    if "COMP_WORDS" in env:  # as bash has them, one a line
        listed = env["COMP_WORDS"].split("\n" if "\n" in env["COMP_WORDS"] else " ")
        place = int(env["COMP_CWORD"]) if env.get("COMP_CWORD", "").isdecimal() else len(listed) - 1
        return listed[1:place], Typed(listed[place] if place < len(listed) else "", "", 0)
    *before, last = arguments or [""]
    return before, Typed(split(last)[1].value if env.get(VARIABLE) == "complete_fish" else last, "", 0)


def answer(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Print what may follow, for the shell that asks. Returns the exit code; whatever fails offers nothing."""
    from vidlocal.cli.ui.completion import home_folder, offered

    shell = env.get(VARIABLE, "").removeprefix("complete_")
    home = home_folder()
    if home is None or shell not in SCRIPTS:
        return 0
    words, typed = asked(arguments, env)
    found = offered(words, typed.value, home)
    if found is None:
        return FILES
    lines = []
    for offer in found:
        if shell != "bash":
            note = "".join(letter if letter.isprintable() else " " for letter in offer.note)
            lines.append(f"{offer.word}\t{note}" if note else offer.word)
        elif (word := quoted(offer.word[typed.kept :], typed.quote)) is not None:
            lines.append(word)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def complete(arguments: Sequence[str]) -> int:
    """Answer the shell that started this process; the exit code. Nothing is ever said on stderr."""
    with suppress(Exception):
        return answer(arguments, os.environ)
    return 0


# ------------------------------------------------------------ installing


def script_here() -> str:
    """The script of the shell that we were started from."""
    return SCRIPTS[_shell()]


def install() -> Path:
    """Write the script to where the shell we were started from looks for it, and return that place."""
    shell, home = _shell(), Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = {
        "bash": home / ".bash_completions" / "vidlocal.sh",
        "zsh": home / ".zfunc" / "_vidlocal",
        "fish": config / "fish" / "completions" / "vidlocal.fish",
    }
    place = places[shell]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(SCRIPTS[shell], encoding="utf-8")
        if shell == "bash":
            _add_line(home / ".bashrc", f"source '{place}'")
        elif shell == "zsh":
            _add_line(home / ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit")
    except OSError as error:
        raise UsageError(
            f"{error.filename or place} cannot be written ({error.strerror}). Keep the script yourself: "
            "vidlocal --show-completion"
        ) from error
    return place


def _add_line(file: Path, line: str) -> None:
    """See to it that a line stands in a file of the person's, whose other bytes stay as they are."""
    before = file.read_bytes() if file.exists() else b""
    if line.encode() not in before.splitlines():
        with file.open("ab") as opened:
            opened.write(b"\n" * (bool(before) and not before.endswith(b"\n")) + line.encode() + b"\n")


def _shell() -> str:
    """The nearest shell above this process, else the one of the person."""
    import psutil

    with suppress(psutil.Error):
        for process in psutil.Process().parents():
            name = str(process.name()).lstrip("-")
            if name in SCRIPTS:
                return name
    name = Path(os.environ.get("SHELL", "")).name
    if name in SCRIPTS:
        return name
    raise UsageError(f"Completion is there for {', '.join(SCRIPTS)}. Start one of them and ask again.")
