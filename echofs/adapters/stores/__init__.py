"""Implementations of the ObjectStore port."""
