"""From what a user names on the command line to something that can be checked."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck import check, check_derivative, check_pair
from gradcheck.result import Report
from layers.catalogue import CATALOGUE, Configuration, Entry
from reports.errors import UserError


@dataclass(frozen=True)
class Target:
    """Something to check: who it is, and how, given a seed and whether to ask the tape."""

    layer: str
    configuration: str
    run: Callable[[int, bool, bool | None], Report]
    has_twin: bool = False


def find(text: str) -> list[Target]:
    """The targets that `text` names: a layer of the catalogue, FILE.py[:NAME], package.module:NAME.

    Raises:
        UserError: if there is no such thing; its text names what was looked for.
    """
    if text in CATALOGUE:
        return of_catalogue(CATALOGUE[text])
    place, _, name = text.rpartition(":") if ":" in text else (text, "", "")
    if place.endswith(".py"):
        module = _load_file(Path(place))
    elif name:
        module = _load_module(place)
    else:
        raise UserError(
            f"{text!r} is no layer of the catalogue ({', '.join(CATALOGUE)}), "
            "no FILE.py[:NAME] and no package.module:NAME"
        )
    names = [name] if name else _checkable(module)
    if not names:
        raise UserError(f"{place}: no function NAME_inputs(rng) in it, so nothing to check")
    return [_of_module(module, place, one) for one in names]


def of_catalogue(entry: Entry) -> list[Target]:
    """A target for each configuration of a layer of the catalogue."""
    return [_configured(entry, configuration) for configuration in entry.configurations]


def _configured(entry: Entry, configuration: Configuration) -> Target:
    def run(seed: int, tape: bool, lines: bool | None) -> Report:
        inputs: dict[str, Any] = dict(configuration.inputs(np.random.default_rng(seed)))
        return check(
            entry.bound(configuration),
            twin=entry.twin(configuration) if tape else None,
            seed=seed,
            lines=lines,
            name=f"{entry.name} ({configuration.label})",
            **inputs,
        )

    return Target(entry.name, configuration.label, run, has_twin=True)


def _of_module(module: ModuleType, place: str, name: str) -> Target:
    """A layer, a pair NAME_forward / NAME_backward, or a function with NAME_gradient beside it."""
    draw = getattr(module, f"{name}_inputs", None)
    if not callable(draw):
        raise UserError(
            f"{place}: expected a function {name}_inputs(rng) that returns the inputs of {name} as "
            "a dict of arrays"
        )
    function, gradient = (getattr(module, n, None) for n in (name, f"{name}_gradient"))
    forward, backward = (getattr(module, f"{name}_{way}", None) for way in ("forward", "backward"))

    def run(seed: int, tape: bool, lines: bool | None) -> Report:
        inputs = _drawn(draw, seed, place, name)
        if callable(forward) and callable(backward):
            return check_pair(forward, backward, seed=seed, lines=lines, name=name, **inputs)
        if callable(function) and callable(gradient):
            if len(inputs) != 1:
                raise UserError(
                    f"{place}: {name}_gradient goes with one input, {name}_inputs gives {len(inputs)}"
                )
            return check_derivative(function, gradient, *inputs.values(), seed=seed, name=name)
        assert callable(function)
        return check(function, seed=seed, lines=lines, name=name, **inputs)

    if not (callable(function) or (callable(forward) and callable(backward))):
        raise UserError(
            f"{place}: no function {name}, and no pair {name}_forward and {name}_backward"
        )

    def told(seed: int, tape: bool, lines: bool | None) -> Report:
        try:
            return run(seed, tape, lines)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{place}:{name}: {_where(error)}{_said(error)}") from error

    return Target(name, place, told)


def _drawn(draw: Callable[..., Any], seed: int, place: str, name: str) -> dict[str, Any]:
    inputs = draw(np.random.default_rng(seed))
    if not isinstance(inputs, dict):
        raise UserError(
            f"{place}: {name}_inputs returned a {type(inputs).__name__}, expected a dict of arrays"
        )
    return inputs


def _checkable(module: ModuleType) -> list[str]:
    ends = "_inputs"
    return [name.removesuffix(ends) for name in vars(module) if name.endswith(ends)]


def _load_file(path: Path) -> ModuleType:
    """Run a user's file under a private name, so that it may be called layers.py too."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"_checked_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    folder = str(path.resolve().parent)
    # Its neighbours come last: a layers.py of theirs must not stand in for ours.
    sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UserError(f"{path}: cannot be imported: {_where(error)}{_said(error)}") from error
    finally:
        sys.path.remove(folder)
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.append(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{name}: cannot be imported: {_said(error)}") from error
    finally:
        sys.path.remove(str(Path.cwd()))


def _said(error: BaseException) -> str:
    text = str(error).splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _where(error: BaseException) -> str:
    """The line of the user's file that raised, if it was one of theirs."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: "
    frames = traceback.extract_tb(error.__traceback__)
    house = {
        str(Path(__file__).resolve().parent.parent / room) for room in ("gradcheck", "reports")
    }
    for frame in reversed(frames):
        inside = any(frame.filename.startswith(room) for room in house)
        if (
            not inside
            and "importlib" not in frame.filename
            and "site-packages" not in frame.filename
        ):
            return f"line {frame.lineno}: "
    return ""
