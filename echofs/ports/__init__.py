"""Interfaces the services need from the world; adapters implement them, and each has one contract suite in
tests/contracts."""
