"""TensorFlow for tests that need it, imported by the first of them that runs, not where they are collected."""

from typing import Any

import pytest

from gradcheck.tape import TensorFlowMissing, tensorflow


class _Later:
    def __getattr__(self, name: str) -> Any:
        # pytest asks whatever it collects for marks and names of this kind.
        if name.startswith(("_", "pytest")):
            raise AttributeError(name)
        return getattr(tensorflow(), name)


tf = _Later()
"""The module, as far as a test uses it."""


@pytest.fixture(autouse=True)
def needs_tensorflow():
    """Where TensorFlow is missing, the tests of a file that imports this fixture are skipped."""
    try:
        tensorflow()
    except TensorFlowMissing as error:
        pytest.skip(str(error))
