"""What the environment says, read once and checked once.

``load`` turns variables into one frozen :class:`Settings`; nothing else in EchoFS reads the environment, and only
``echofs.bootstrap`` and ``echofs.cli`` see a :class:`Settings`: everything below them gets plain values.
"""

from echofs.settings.load import load, own_of_worker, role_from
from echofs.settings.model import VARIABLES, ProcessRole, Settings
from echofs.settings.secrets import made_here

__all__ = ["VARIABLES", "ProcessRole", "Settings", "load", "made_here", "own_of_worker", "role_from"]
