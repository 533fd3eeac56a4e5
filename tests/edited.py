"""A stranger's file with one line made wrong, imported so that its source is at hand."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType


def edited(module: ModuleType, folder: Path, old: str, new: str) -> ModuleType:
    """The module with `old`, which stands in it once, replaced by `new`."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
    path = folder / f"{module.__name__.rpartition('.')[2]}_edited.py"
    path.write_text(source.replace(old, new))
    return imported(path)


def imported(path: Path) -> ModuleType:
    """A file as a module, whatever is imported under its name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
