"""What the commands that measure have in common."""

import argparse
import signal
import sys
from collections.abc import Callable

from bench.errors import BenchError


def completed(measure: Callable[[], int], program: str = "bench") -> int:
    """The exit code of a measurement: its own, 1 when it could not be made, 130 when it was interrupted. What went
    wrong is said on standard error, after the name of the program."""
    # Ended like Ctrl-C, so that no process and no gigabyte is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return measure()
    except BenchError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted; nothing is left running", file=sys.stderr)
        return 130


def positive(text: str) -> int:
    """An option's whole number above 0, for :mod:`argparse`."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)
