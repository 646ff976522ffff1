"""Implementations of the Catalog port."""
