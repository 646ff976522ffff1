"""Decisions: pure functions and frozen values. No I/O, no clock, no randomness, nothing but the standard library."""
