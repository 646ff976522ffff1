"""EchoFS: a self-hosted distributed file store."""
