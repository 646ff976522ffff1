"""A catalog made again from what the workers hold."""

from echofs.services.rebuild.owners import Owners
from echofs.services.rebuild.rebuild import Rebuild, Summary

__all__ = ["Owners", "Rebuild", "Summary"]
