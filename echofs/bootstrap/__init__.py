"""Where everything is put together: settings in, a role's application or the jobs out. Nothing is built at import."""

from echofs.bootstrap.jobs import run_jobs
from echofs.bootstrap.parts import open_accounts
from echofs.bootstrap.roles import create_app

__all__ = ["create_app", "open_accounts", "run_jobs"]
