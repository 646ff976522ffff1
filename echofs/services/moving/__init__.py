"""A catalog and its users as one file, and back."""

from echofs.services.moving.exporting import export
from echofs.services.moving.importing import Import

__all__ = ["Import", "export"]
