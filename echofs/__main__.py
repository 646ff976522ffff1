"""``python -m echofs`` is the ``echofs`` command."""

from echofs.cli.main import main

if __name__ == "__main__":
    main()
