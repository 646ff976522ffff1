"""The client's failures as Python's own, for code that knows files but not EchoFS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from echofs.client.errors import (
    ClientError,
    NameTaken,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    PreconditionFailed,
    Unavailable,
)


@contextmanager
def python_errors(path: str = "") -> Iterator[None]:
    """Failures of the client inside become those that Python has for files, where it has one."""
    try:
        yield
    except NotFound as error:
        raise FileNotFoundError(path or error.message) from error
    except (NameTaken, PreconditionFailed) as error:
        raise FileExistsError(path) from error
    except (NotAllowed, NotLoggedIn) as error:
        raise PermissionError(error.message) from error
    except Unavailable as error:
        raise ConnectionError(error.message) from error
    except ClientError as error:
        raise OSError(error.message) from error
