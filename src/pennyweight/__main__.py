"""The command line as python -m pennyweight."""

from pennyweight.cli.main import main

if __name__ == "__main__":
    main()
