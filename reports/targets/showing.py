"""What proposed inputs are, in a line: shapes, numbers, words, and what an array is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.targets.draws import SINGLE, Inputs


def shown(inputs: Inputs) -> str:
    """Each by its name."""
    return ", ".join(f"{name} {_described(value)}" for name, value in inputs.items())


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_described(item)}' for key, item in value.items())}}}"
    if isinstance(value, (int, str)):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    array = np.asarray(value)
    single, kind = array.dtype == SINGLE, ""
    if array.dtype.kind == "f" and array.size > 1:
        kind = next((said for few, said in FEW.items() if np.isin(array, few).all()), "")
    return f"{np.shape(value)}{' float32' if single else ''}{kind}"


FEW = {(0, 1): " of zeros and ones"}
"""What is said of numbers that are but these."""
