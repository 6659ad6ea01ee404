"""Lets `python -m segstudio` be the command line."""

from segstudio.cli.main import main

if __name__ == "__main__":
    main()
