#!/usr/bin/env python3
"""Read the numbers in images: the command of `number_zoo`, from the project's folder."""

import sys

from number_zoo.command import main

if __name__ == "__main__":
    sys.exit(main(prog="predict.py"))
