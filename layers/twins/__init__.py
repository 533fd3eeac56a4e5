"""The same forward passes in TensorFlow, under the same names, written independently of the NumPy code.

Composed from plain operations where TensorFlow's CPU kernels have no float64 gradient (dilated and
grouped convolution) or mean something else (averages at the border, the fused batch norm).
"""

from types import FunctionType
from typing import Any

from layers.families import FAMILIES, family_of


def _public(family: str) -> dict[str, FunctionType]:
    module = family_of(family, __name__)
    return {
        name: twin
        for name, twin in vars(module).items()
        if isinstance(twin, FunctionType)
        and twin.__module__ == module.__name__
        and not name.startswith("_")
    }


_TWINS = {
    name: twin for family in (*FAMILIES, "networks") for name, twin in _public(family).items()
}
globals().update(_TWINS)

__all__ = list(_TWINS)


def __getattr__(name: str) -> Any:
    """For those who read without running: whatever twin is asked for is among these, or is none."""
    raise AttributeError(f"there is no twin {name!r}")
