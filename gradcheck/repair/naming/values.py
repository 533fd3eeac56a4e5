"""Names by what the statement computes: however it is written, a value may be the negative of another."""

from __future__ import annotations

import numpy as np

from gradcheck.repair.naming.slip import Name, Rule, Slip


def _negative(slip: Slip) -> Name | None:
    """The negative of what it should be."""
    if _are_arrays(slip) and slip.after.any() and np.allclose(slip.before, -slip.after):
        return Name("sign-flipped", "the value is the negative of what it should be")
    return None


def _nothing(slip: Slip) -> Name | None:
    """Zero, where something should be."""
    if _are_arrays(slip) and slip.after.any() and not slip.before.any() and not slip.repeated:
        return Name("zero", "the value is zero")
    return None


def _are_arrays(slip: Slip) -> bool:
    """Whether both values are arrays of one shape, of several numbers."""
    both = (slip.before, slip.after)
    return all(isinstance(v, np.ndarray) and v.dtype.kind == "f" and v.size > 2 for v in both) and (
        slip.before.shape == slip.after.shape
    )


OF_VALUES: tuple[Rule, ...] = (_negative, _nothing)
