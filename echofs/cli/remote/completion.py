"""``echofs completion``: what makes a shell complete commands, options and paths at the master."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from echofs.cli.main import COMPLETING, PROGRAM
from echofs.cli.remote.paths import PathItem

_END = "\0"

_BASH = """\
%(complete_func)s() {
    local line value typed=${COMP_LINE:0:COMP_POINT} before=
    typed=${typed##*[[:space:]]}
    # For bash a word begins behind the colon of echofs://, and what stands before it is not to be written again.
    [[ $typed == *:* ]] && before=${typed%%"$2"}
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line#*,}
        case ${line%%%%,*} in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            path) compopt -o filenames; COMPREPLY+=("${value#"$before"}") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """Click's own, but that names may have spaces and colons, and that a folder may be followed by what is in it."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, of which the last may have been begun only; quotes may be open."""
        words = split_arg_string(os.environ["COMP_WORDS"] + _END)
        return words[1:-1], words[-1].removesuffix(_END)

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{'path' if isinstance(item, PathItem) else item.type},{item.value}"


add_completion_class(Bash)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes `echofs` in SHELL.

    \b
    bash:  echofs completion bash > ~/.local/share/bash-completion/completions/echofs
    zsh:   echofs completion zsh > ~/.zfunc/_echofs  (a folder of $fpath)
    fish:  echofs completion fish > ~/.config/fish/completions/echofs.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, PROGRAM, COMPLETING).source())
