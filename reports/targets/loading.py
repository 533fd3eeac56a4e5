"""A user's file, notebook or module, loaded as it is on disk now, with its own neighbours beside it."""

from __future__ import annotations

import contextlib
import importlib
import json
import linecache
import os
import re
import sys
import traceback
from pathlib import Path
from types import CodeType, ModuleType

from gradcheck.lines.cells import cell_of
from gradcheck.meant import in_words
from reports.errors import At, UserError, did_you_mean

OURS = ("layers", "reports")
"""Names of ours that a user's folder may have too: there, theirs are meant."""


def load(place: str) -> ModuleType:
    """The module at `place`: FILE.py, NOTEBOOK.ipynb, or package.module.

    Made for a process of its own: it changes what names mean there. The folder of a file stays first
    on the path, so that its neighbours are its own, also for an import within a function; nothing
    compiled is read or left beside it.

    Raises:
        UserError: if it cannot be found or imported; the text is one line.
    """
    sys.dont_write_bytecode = True
    # Below what is no folder nothing can lie: in one for everybody somebody could lay bytecode of their own.
    sys.pycache_prefix = os.devnull
    _step_aside()
    if place.endswith((".py", ".ipynb")):
        return _from_file(Path(place))
    return _by_name(place)


def _step_aside() -> None:
    """Forget our own packages by name: whoever imports `layers` from here on may mean theirs."""
    for name in list(sys.modules):
        if name.split(".")[0] in OURS:
            del sys.modules[name]


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        beside = {other.stem: str(other) for other in path.parent.glob(f"*{path.suffix}")}
        raise UserError(f"{path}: no such file{did_you_mean(path.stem, beside)}")
    sys.path.insert(0, str(path.resolve().parent))
    sys.path += map(str, _above(path.resolve().parent))
    module = ModuleType(f"_checked_{path.stem}")
    module.__file__ = str(path)
    module.__package__ = _package(path.resolve().parent)
    sys.modules[module.__name__] = module
    try:
        source = _source(path)
        code = compile(source, str(path), "exec")
        # Lines are looked up by file name; those of a notebook are in no file.
        linecache.cache[str(path)] = (len(source), None, source.splitlines(True), str(path))
        _run(code, module, path.resolve().parent)
    except UserError:
        raise
    except BaseException as error:
        raise _not_imported(str(path), error) from error
    return module


def _run(code: CodeType, module: ModuleType, folder: Path) -> None:
    """Run a module's code; what its package imports for others and is not there, it may do without."""
    try:
        exec(code, module.__dict__)
    except ModuleNotFoundError:
        if not _stand_in(module.__package__ or "", folder):
            raise
        with contextlib.suppress(ImportError):
            exec(code, module.__dict__)
            return
        raise


def _stand_in(package: str, folder: Path) -> bool:
    """Put empty packages where those of a folder cannot be imported; whether there were any."""
    missing = bool(package) and package not in sys.modules
    while missing and package not in sys.modules:
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [str(folder)]
        package, folder = package.rpartition(".")[0], folder.parent
        if not package:
            break
    return missing


TOPS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
"""What lies at the top of a checkout: beneath it the files may import each other."""


def _above(folder: Path) -> list[Path]:
    """The folders above one from which its files may be imported: to the top of its checkout or package.

    Without either, to the folder one stands in. They come last: what is found elsewhere is meant.
    """
    above = [folder, *folder.parents]
    tops = [f for f in above if any((f / name).exists() for name in TOPS)]
    top = next(iter(tops), Path.cwd())
    reached = above[1 : above.index(top) + 1] if top in above else []
    root = folder.parents[max(0, _package(folder).count("."))]
    return reached if root in reached or not _package(folder) else [*reached, root]


def _package(folder: Path) -> str:
    """The dotted name of the package that a folder is, where `from .base import` starts; "" where it is none."""
    if not (folder / "__init__.py").is_file():
        return ""
    above = _package(folder.parent)
    return f"{above}.{folder.name}" if above else folder.name


def _not_imported(place: str, error: BaseException) -> UserError:
    """What is said of an import that failed, with the line of the user's own code that did it."""
    text = f"{place}: cannot be imported: {where(error, place)}{said(error)}"
    return UserError(text, at(error))


def _source(path: Path) -> str:
    """The text of a file; of a notebook its code cells, without the lines that are no Python."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8") from error
    if path.suffix != ".ipynb":
        return text
    try:
        cells = json.loads(text)["cells"]
        codes = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is no notebook that can be read") from error
    return "\n".join(line for code in codes for line in _python(code))


MAGIC = re.compile(r"\s*[%!?]|[\w.]+\?{1,2}\s*$")
"""A line of a notebook that is no Python: %matplotlib inline, !pip install, np.dot?"""
ABOUT_PYTHON = ("%%time", "%%capture", "%%prun")
"""Cells of magic whose other lines are Python all the same; %%bash, %%html and their like are not."""


def _python(code: str) -> list[str]:
    """A cell's lines, those that are no Python as comments: every line keeps its number."""
    first = code.lstrip()
    foreign = first.startswith("%%") and not first.startswith(ABOUT_PYTHON)
    return [f"# {line}" if foreign or MAGIC.match(line) else line for line in code.split("\n")]


def _by_name(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise _not_imported(name, error) from error


def said(error: BaseException) -> str:
    """An exception in one line; where a file is no Python, with the text that is none."""
    if isinstance(error, SyntaxError):
        # Python says the file and the line in brackets, which is said already.
        text = ": ".join(part.strip() for part in (error.msg, error.text or "") if part)
        return f"{type(error).__name__}: {text}"
    return in_words(error).splitlines()[0]


def where(error: BaseException, place: str) -> str:
    """The line of the user's own code that raised, if it was theirs; with its file, if it is not `place`."""
    found = at(error)
    if found is None:
        return ""
    file, line = found
    which = cell_of(file, line) or f"line {line}"
    return f"{which}: " if file == place else f"{file}, {which}: "


def at(error: BaseException) -> At | None:
    """File and line of the user's own code that raised, if it was theirs."""
    if isinstance(error, SyntaxError) and _is_file(error.filename):
        return _from_here(str(error.filename)), error.lineno or 1
    not_theirs = ("importlib", "site-packages", *_house())
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_file(frame.filename) and not any(part in frame.filename for part in not_theirs):
            return _from_here(frame.filename), frame.lineno or 1
    return None


def _is_file(name: str | None) -> bool:
    """Whether a name stands for a file, and not for text that was evaluated."""
    return name is not None and not name.startswith("<")


def _from_here(name: str) -> str:
    """A path as one would type it here: those below this folder without it."""
    path = Path(name)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else name


def _house() -> list[str]:
    rooms = [str(Path(__file__).resolve().parent.parent)]
    with contextlib.suppress(ImportError):
        import gradcheck

        rooms.append(str(Path(gradcheck.__file__).resolve().parent))
    return rooms
