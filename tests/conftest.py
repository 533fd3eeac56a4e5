"""What all tests share: their own helpers within reach, generators that start anew, and who shares a process."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
# A failing example is printed with the blob that repeats it; a busy machine is no failure.
settings.register_profile("quick", deadline=None, max_examples=25, print_blob=True)
settings.load_profile("quick")

TOGETHER = ("test_tensorflow.py", "test_four_edits.py", "test_wheel.py")
"""Files whose tests share a process: TensorFlow is imported once, the wheel is built once."""


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in TOGETHER:
            group = "wheel" if item.path.name == "test_wheel.py" else "tensorflow"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def own_generators(request):
    """No test depends on which ran before it: every generator that outlives a test starts anew."""
    np.random.seed(0)  # noqa: NPY002  Layers that draw from the global one are what is tested.
    if hasattr(request.module, "RNG"):
        request.module.RNG = np.random.default_rng(0)
