"""EchoFS: a self-hosted distributed file store."""

__version__ = "0.1.0"
