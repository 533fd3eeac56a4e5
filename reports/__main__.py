"""`python -m reports` is `gradcheck`."""

import sys

from reports.cli import main

sys.exit(main())
