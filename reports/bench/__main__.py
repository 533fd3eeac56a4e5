"""`python -m reports.bench` is `gradcheck bench`."""

import sys

from reports.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
