"""Measures EchoFS's catalogs, one engine next to the other, and what becomes of them as the files grow in number."""
