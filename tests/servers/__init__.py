"""Servers that tests use as their own: each on a free loopback port, in a process that ends with the tests'."""
