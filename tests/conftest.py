"""What all tests share: hypothesis without deadlines, and examples.py within reach."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("quick")
