"""Whoever works at this machine: their name, and the passwords they are asked for."""

from __future__ import annotations

import getpass
import os
import sys

import click

from echofs.core.errors import InvalidRequest


def operator_name() -> str:
    """The login name, or the number of a user who has none, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def asked_name(question: str, option: str) -> str:
    """What is typed at the terminal. Raises :class:`InvalidRequest` when there is none, naming the option to use."""
    if not sys.stdin.isatty():
        raise InvalidRequest(f"There is no terminal to ask for the {question.lower()} at: use {option}.")
    return _asked(question, hidden=False)


def asked_password(question: str, variable: str, *, twice: bool = False) -> str:
    """The password in an environment variable, else what is typed. No option: those stand in the process list and in
    the shell's history.

    Raises :class:`InvalidRequest` when there is no terminal to ask at.
    """
    if given := os.environ.get(variable):
        return given
    if not _can_be_asked():
        raise InvalidRequest(f"There is no terminal to ask for the password at: set {variable}.")
    return _asked(question, hidden=True, twice=twice)


def _asked(question: str, *, hidden: bool, twice: bool = False) -> str:
    try:
        return str(click.prompt(question, hide_input=hidden, confirmation_prompt=twice, err=True))
    except click.Abort:
        raise KeyboardInterrupt from None


def _can_be_asked() -> bool:
    """Whether there is a terminal: passwords are typed at it, wherever standard input comes from."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin.isatty()
    return True
