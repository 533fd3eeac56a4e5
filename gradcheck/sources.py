"""The source files that what a function returns depends on: its own, and those of the modules that they import."""

from __future__ import annotations

import ast
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from itertools import accumulate
from os.path import abspath
from pathlib import Path
from typing import Any

INSTALLED = {"stdlib", "platstdlib", "purelib", "platlib"}
NOT_OWN = (
    Path(__file__).resolve().parent,
    *(Path(place).resolve() for name, place in sysconfig.get_paths().items() if name in INSTALLED),
)
"""Where Python, what is installed, and the checker itself lie: what has a version, and not only a text."""
PACKAGES = {"site-packages", "dist-packages"}
"""Folders of what is installed; an environment may have those of the system or of the user besides its own."""


def sources_of(values: Iterable[Any]) -> set[Path]:
    """The source files of functions, also of those bound to others, and of what is imported there."""
    packages, found = _packages(), set[Path]()
    waiting = [_resolved(abspath(file)) for value in values for file in _files(value)]
    while waiting:
        file = waiting.pop()
        imported = {} if file in found else _own_imports(file, packages.get(file))
        packages = imported | packages
        found.add(file)
        waiting += imported
    return found


def _packages() -> dict[Path, str]:
    """The files of all that is imported, each with its package."""
    modules = list(sys.modules.values())
    files = ((m, getattr(m, "__file__", None)) for m in modules)
    return {_resolved(abspath(file)): m.__package__ or "" for m, file in files if file}


def _own_imports(file: Path, package: str | None) -> dict[Path, str]:
    """The user's files that one of them imports, each with its package."""
    if package is None or not _is_own(file):
        return {}
    return {f: within for f, within in _imported(file, package) if _is_own(f)}


@cache
def _resolved(file: str) -> Path:
    """An absolute path without the links on its way, found once: there are thousands of modules."""
    return Path(file).resolve()


def _files(value: Any) -> Iterator[str]:
    if isinstance(value, partial):
        for inner in (value.func, *value.args, *value.keywords.values()):
            yield from _files(inner)
    elif callable(value):
        for where in (inspect.unwrap(getattr(value, "__func__", value)), type(value)):
            # What is built in, math.sin say, has no file.
            with suppress(TypeError):
                file = inspect.getsourcefile(where)
                if file is not None and Path(file).exists():
                    yield file
                return


def _is_own(file: Path) -> bool:
    """Whether a file is the user's: source, and neither Python's nor installed nor ours."""
    return file.suffix == ".py" and not is_elsewhere(file)


def is_elsewhere(file: Path) -> bool:
    """Whether a file is of Python, of what is installed, or of the checker."""
    return bool(PACKAGES.intersection(file.parts)) or any(p in file.parents for p in NOT_OWN)


def _imported(file: Path, package: str) -> Iterator[tuple[Path, str]]:
    """Files and packages of the modules that a file imports, anywhere in its text."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        for name in _names(node, package):
            found, within = _place(name)
            if found:
                yield _resolved(abspath(found)), within


def _place(name: str) -> tuple[str | None, str]:
    """File and package of a module, also of one that a function will import once it runs."""
    module = sys.modules.get(name)
    if module is not None:
        return getattr(module, "__file__", None), module.__package__ or ""
    folders, spec = None, None
    for end in accumulate(name.split("."), "{}.{}".format):
        spec = PathFinder.find_spec(end, folders)
        folders = spec.submodule_search_locations if spec else None
        if folders is None:
            break
    return (spec.origin, spec.parent or "") if spec and spec.name == name else (None, "")


def _names(node: ast.AST, package: str) -> Iterator[str]:
    """The modules that a statement may import: `from a import b` may mean `a.b`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        with suppress(ImportError):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
