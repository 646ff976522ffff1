"""``echofs completion``: what makes a shell complete commands, options and paths at the master."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PROGRAM, _VARIABLE = "echofs", "_ECHOFS_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes `echofs` in SHELL.

    \b
    bash:  echofs completion bash > ~/.local/share/bash-completion/completions/echofs
    zsh:   echofs completion zsh > ~/.zfunc/_echofs
    fish:  echofs completion fish > ~/.config/fish/completions/echofs.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
