"""What all commands for files share: options, the client, failures and exit codes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import IntEnum
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from echofs.cli.remote.output import Output, note
from echofs.core.errors import EchoError

if TYPE_CHECKING:
    from echofs.client import Client, ClientError

PROFILE, URL, TOKEN = "ECHOFS_PROFILE", "ECHOFS_URL", "ECHOFS_TOKEN"
USERNAME, PASSWORD = "ECHOFS_USERNAME", "ECHOFS_PASSWORD"

F = TypeVar("F", bound=Callable[..., Any])


class Exit(IntEnum):
    """Exit codes, as docs/cli.md tells them."""

    OK = 0
    SOME_FAILED = 1
    REFUSED = 2
    NOT_FOUND = 3
    NOT_LOGGED_IN = 4
    AWAY = 5
    CONFLICT = 6
    INTERRUPTED = 130


class Run:
    """One command: where its results go, and its client, which is opened when it is needed first.

    ``hint`` says how to go on after an interruption. ``stuck``: it is over, but threads of it still wait for an answer.
    """

    def __init__(self, profile: str, out: Output) -> None:
        self.profile = profile
        self.out = out
        self.failures = 0
        self.hint = ""
        self.stuck = False
        self._told_waiting: tuple[str, float] = ("", 0.0)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The user's client. Raises :class:`ClientError` when nobody is logged in."""
        if self._client is None:
            self._client = open_client(self.profile, waiting=self.waiting)
        return self._client

    @property
    def waiting(self) -> Callable[[ClientError, float], None] | None:
        """What tells the user that an attempt failed and is repeated."""
        return None if self.out.quiet else self._tell_waiting

    def failed(self, about: str, error: EchoError, *, of: int = 2) -> None:
        """One of ``of`` things did not work: the others go on. The only one ends the command: ``error`` is raised."""
        if of == 1:
            raise error
        self.failures += 1
        self.out.fail(about, described(error))

    def _tell_waiting(self, error: ClientError, seconds: float) -> None:
        # Transfers side by side mostly fail side by side: once is enough.
        message, at = self._told_waiting
        if error.message == message and monotonic() < at:
            return
        self._told_waiting = (error.message, monotonic() + seconds)
        note(
            f"{error.message} Trying again in {seconds:.0f} s …" if seconds >= 1 else f"{error.message} Trying again …"
        )

    def close(self) -> None:
        """Close the client if it was opened."""
        if self._client is not None:
            self._client.close()


def open_client(profile: str = "", **options: Any) -> Client:
    """The client that options and environment ask for: a profile named, else ``ECHOFS_URL`` with ``ECHOFS_TOKEN`` or
    with ``ECHOFS_USERNAME`` and ``ECHOFS_PASSWORD``, else the profile ``default``.

    ``options`` go to :class:`Client`. Raises :class:`ClientError`.
    """
    from echofs.client import Client

    environ = os.environ
    if not profile and environ.get(URL):
        if environ.get(TOKEN):
            return Client(environ[URL], token=environ[TOKEN], **options)
        if environ.get(USERNAME) and environ.get(PASSWORD):
            return Client(environ[URL], username=environ[USERNAME], password=environ[PASSWORD], **options)
    return Client.from_profile(profile or "default", **options)


def remote_command(function: F) -> F:
    """Give a command the common options, and a :class:`Run` as its first argument.

    A failure is one line on standard error and the exit code that :func:`exit_code` tells; when only some of several
    things failed it is 1.
    """

    @functools.wraps(function)
    def command(*args: Any, profile: str, json: bool, quiet: bool, **options: Any) -> None:
        run = Run(profile, Output(json=json, quiet=quiet))
        try:
            function(run, *args, **options)
            sys.stdout.flush()
            code = int(Exit.SOME_FAILED if run.failures else Exit.OK)
        except (EchoError, KeyboardInterrupt, OSError) as error:
            code = _told(run, error)
        finally:
            run.close()
        if run.stuck:
            _end_at_once(code)
        if code:
            click.get_current_context().exit(code)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command  # type: ignore[return-value]


def _told(run: Run, error: BaseException) -> int:
    """Tell what ended a command, in one line; the exit code for it."""
    if isinstance(error, EchoError):
        run.out.fail("", described(error))
        return exit_code(error)
    if isinstance(error, KeyboardInterrupt):
        note(f"Interrupted. {run.hint}".strip())
        return Exit.INTERRUPTED
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        note(f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}.")
        _give_up_output()
        return Exit.SOME_FAILED
    raise error


def _end_at_once(code: int) -> NoReturn:
    """End the process with its threads, for which Python would wait."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _give_up_output() -> None:
    """Python would try once more to write what is left, and complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_OPTIONS = (
    click.option("--profile", envvar=PROFILE, default="", metavar="NAME", help="Which login to use. [default]"),
    click.option("--json", is_flag=True, help="Print JSON, one document a line."),
    click.option("-q", "--quiet", is_flag=True, help="Print failures and what was asked for only."),
)

consistency_option = click.option(
    "--consistency", default="", metavar="LEVEL", help="strong, hybrid, available, auto, or a list. [auto]"
)
if_match_option = click.option("--if-match", default="", metavar="ETAG", help="Only if the file still has this etag.")


def exit_code(error: EchoError) -> int:
    """The exit code for a failure that ended a command."""
    from echofs.client import errors

    codes: Mapping[type[EchoError], Exit] = {
        errors.NotFound: Exit.NOT_FOUND,
        errors.NotLoggedIn: Exit.NOT_LOGGED_IN,
        errors.NotAllowed: Exit.NOT_LOGGED_IN,
        errors.Unavailable: Exit.AWAY,
        errors.Full: Exit.AWAY,
        errors.Conflict: Exit.CONFLICT,
        errors.PreconditionFailed: Exit.CONFLICT,
        errors.WrongContent: Exit.SOME_FAILED,
        errors.UnexpectedAnswer: Exit.SOME_FAILED,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), Exit.REFUSED)


def described(error: EchoError) -> dict[str, object]:
    """A failure for programs; ``message`` is for people, and names the request where only the operator can help."""
    message = error.message
    request_id = str(getattr(error, "request_id", ""))
    if request_id and error.code == "internal_error":
        message += f" (request {request_id})"
    return {"code": error.code, "message": message, "field": error.field, "request_id": request_id or None}
