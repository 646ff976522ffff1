"""The ``echofs`` command, the gunicorn configuration and the supervisor."""

import sys

# Checked here because every way to start EchoFS passes through this package before anything that an older Python could
# not even compile. The installer checks too, but not for a bare clone run with `python3 -m echofs`.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"EchoFS needs Python 3.11 or newer; this is Python {sys.version_info[0]}.{sys.version_info[1]}.")
