"""The same as `number-zoo serve`."""

import sys

from number_zoo.server.__main__ import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m app"))
