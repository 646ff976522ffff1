"""Measures what people upload with, the web page and the command line, next to curl on the same route."""
