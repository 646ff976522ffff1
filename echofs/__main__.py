"""The ``echofs`` command, also as ``python -m echofs``."""

import sys


def main() -> None:
    """Run the command line. To load it takes a moment, in which Ctrl-C must not end in a traceback either."""
    try:
        from echofs.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
