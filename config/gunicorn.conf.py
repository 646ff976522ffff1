"""Gunicorn's configuration for running one role by hand or under systemd:

    gunicorn -c config/gunicorn.conf.py "wsgi:app_for('master')"

All values come from EchoFS's settings (.env.example lists them): addresses, processes, threads, log level and format.
To change one of gunicorn's own, assign its name below the import. For speed, start gunicorn with

    MALLOC_MMAP_THRESHOLD_=67108864 MALLOC_TRIM_THRESHOLD_=268435456 MALLOC_TOP_PAD_=4194304

in its environment, as ``echofs serve`` does: glibc then keeps chunk-sized buffers instead of asking the kernel for each
one.
"""

from echofs.cli.gunicorn_conf import *  # noqa: F403
