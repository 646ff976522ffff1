"""What can go wrong while measuring, said so that a person can act on it."""


class BenchError(Exception):
    """A measurement that cannot be trusted or cannot be made; the text says what happened and what to do."""


class ReferenceMissing(BenchError):
    """nginx with the DAV module is not installed, so there is nothing to compare with."""


class NotInstalled(BenchError):
    """A program that a case needs is missing; the text names it."""
