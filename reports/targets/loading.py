"""A user's file, notebook or module, loaded as it is on disk now, with its own neighbours beside it."""

from __future__ import annotations

import contextlib
import importlib
import json
import linecache
import re
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType

from reports.errors import UserError

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
    sys.pycache_prefix = tempfile.gettempdir() + "/gradcheck-reads-no-bytecode"
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
        raise UserError(f"{path}: no such file")
    sys.path.insert(0, str(path.resolve().parent))
    module = ModuleType(f"_checked_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        source = _source(path)
        code = compile(source, str(path), "exec")
        # Lines are looked up by file name; those of a notebook are in no file.
        linecache.cache[str(path)] = (len(source), None, source.splitlines(True), str(path))
        exec(code, module.__dict__)
    except UserError:
        raise
    except BaseException as error:
        raise UserError(f"{path}: cannot be imported: {where(error)}{said(error)}") from error
    return module


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
        raise UserError(f"{name}: cannot be imported: {where(error)}{said(error)}") from error


def said(error: BaseException) -> str:
    """An exception in one line."""
    text = str(error).splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def where(error: BaseException) -> str:
    """The line of the user's own code that raised, if it was theirs."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: "
    house = _house()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        elsewhere = ("importlib" in frame.filename) or ("site-packages" in frame.filename)
        inside = any(frame.filename.startswith(room) for room in house)
        if not (inside or elsewhere or frame.filename.startswith("<")):
            return f"line {frame.lineno}: "
    return ""


def _house() -> list[str]:
    rooms = [str(Path(__file__).resolve().parent.parent)]
    with contextlib.suppress(ImportError):
        import gradcheck

        rooms.append(str(Path(gradcheck.__file__).resolve().parent))
    return rooms
