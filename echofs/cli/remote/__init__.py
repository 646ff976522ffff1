"""Commands for files at a master, wherever it runs: all of them speak through :mod:`echofs.client`."""
