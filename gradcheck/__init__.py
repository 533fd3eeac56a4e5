"""Check a backward pass derived by hand: is it right, and how precisely can that be known?"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gradcheck.version import __version__

if TYPE_CHECKING:
    from gradcheck.check import assert_gradients, check
    from gradcheck.conformance import conformance
    from gradcheck.forms.derivative import check_derivative
    from gradcheck.forms.jax import check_jax
    from gradcheck.forms.jvp import check_jvp
    from gradcheck.forms.loss import check_loss
    from gradcheck.forms.module import check_module
    from gradcheck.forms.pair import check_pair
    from gradcheck.forms.tensorflow import check_tensorflow
    from gradcheck.forms.torch import check_torch
    from gradcheck.many import check_many
    from gradcheck.numeric import numerical_gradient
    from gradcheck.result import Finding, Line, Report, Row, Verdict
    from gradcheck.taylor import taylor_test


__all__ = [
    "Finding",
    "Line",
    "Report",
    "Row",
    "Verdict",
    "__version__",
    "assert_gradients",
    "check",
    "check_derivative",
    "check_jax",
    "check_jvp",
    "check_loss",
    "check_many",
    "check_module",
    "check_pair",
    "check_tensorflow",
    "check_torch",
    "conformance",
    "numerical_gradient",
    "taylor_test",
]

_ROOMS = {
    **dict.fromkeys(("Finding", "Line", "Report", "Row", "Verdict"), "result"),
    **dict.fromkeys(("assert_gradients", "check"), "check"),
    **{f"check_{form}": f"forms.{form}" for form in ("derivative", "jax", "jvp", "loss")},
    **{f"check_{form}": f"forms.{form}" for form in ("module", "pair", "tensorflow", "torch")},
    "check_many": "many",
    "conformance": "conformance",
    "numerical_gradient": "numeric",
    "taylor_test": "taylor",
}
"""Where each name is. It is fetched when it is first asked for: `gradcheck --help` asks for none."""


def __getattr__(name: str) -> Any:
    __tracebackhide__ = True
    if name not in _ROOMS:
        from difflib import get_close_matches  # Whoever writes it right need not wait for it.

        near = get_close_matches(name, __all__, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{meant}")
    value = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Door(ModuleType):
    """This package, in which a function keeps its name where the room that it is in is called so too."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Python binds each room to its name once it is imported: `check` is the function all the same."""
        if isinstance(value, ModuleType) and _ROOMS.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door
