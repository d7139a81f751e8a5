"""``python -m crdtnode`` is the command line."""

from crdtnode.cli.main import main

if __name__ == "__main__":
    main()
