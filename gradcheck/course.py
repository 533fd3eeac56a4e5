"""The course beside the checker: after `import gradcheck.course`, `import layers` is its catalogue.

The wheel owns one top-level name. The hand-derived layers and what shows them lie inside it, in
`gradcheck/_course`, so that nobody's own `layers.py` or `reports.py` meets them by accident; in a
checkout they lie at the root. A program that wants them says so, and finds the catalogue as a module of this one:

    from gradcheck.course import layers

    layers.dense
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

NAMES = ("layers", "reports")
"""The packages of the course, by the names under which they import each other."""

HOUSE = Path(__file__).resolve().parent


def enter() -> None:
    """Make the names of the course mean the course: put its folder first on the path.

    Raises:
        ImportError: if the course is not there, or if another module has taken one of its names.
    """
    folder = _folder()
    for name in NAMES:
        place = _place(name)
        if place is not None and not place.is_relative_to(folder):
            raise ImportError(
                f"the course of gradcheck is called {name!r}, and so is {place}, which this "
                "program has imported already: one program can have only one of them"
            )
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _place(name: str) -> Path | None:
    """Where the module of this name was imported from, if it was; a folder may lack __init__.py."""
    if name not in sys.modules:
        return None
    module = sys.modules[name]
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return next((Path(place).resolve() for place in places if place), Path(name))


def _folder() -> Path:
    """Where the course lies: inside the installed package, or at the root of a checkout."""
    for folder in (HOUSE / "_course", HOUSE.parent):
        if all((folder / name / "__init__.py").is_file() for name in NAMES):
            return folder
    raise ImportError(f"gradcheck was installed without its course: nothing in {HOUSE / '_course'}")


def __getattr__(name: str) -> ModuleType:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(name)


enter()
