"""HTTP: parse and authorise a request, call one service, render its answer."""
