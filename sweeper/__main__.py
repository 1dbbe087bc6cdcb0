"""`python -m sweeper`, which is the command `sweeper`."""

import sys

from sweeper.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
