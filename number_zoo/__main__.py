"""`python -m number_zoo`: the command."""

import sys

from number_zoo.command import main

if __name__ == "__main__":
    sys.exit(main())
