"""A catalog made again from what the workers hold."""

from echofs.services.rebuild.rebuild import Rebuild, Summary

__all__ = ["Rebuild", "Summary"]
