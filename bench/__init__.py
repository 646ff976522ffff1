"""Reproducible measurements of EchoFS next to nginx writing one copy. It reports; it never fails a build on a time."""
