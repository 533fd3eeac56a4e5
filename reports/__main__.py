"""`python -m reports` is `gradcheck`."""

import sys

from reports.cli import main

# A worker process imports the program that started it, and must not start it again.
if __name__ == "__main__":
    sys.exit(main())
