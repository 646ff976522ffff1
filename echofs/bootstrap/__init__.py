"""Where everything is put together: settings in, a role's application or the jobs out. Nothing is built at import, and
each role loads only what it is made of; the jobs are in ``jobs``, the accounts of ``echofs admin`` in ``parts``."""

from echofs.bootstrap.roles import create_app

__all__ = ["create_app"]
