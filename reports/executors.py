"""Executors of other projects, by name: dask:ADDRESS, a cluster that is there; loky:N, processes here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from reports.errors import UserError

SECONDS = 10
"""How long a cluster is waited for: one that is there answers at once."""


@contextmanager
def started(name: str) -> Iterator[Executor]:
    """The executor of that name, for as long as it is used.

    Raises:
        UserError: if there is no such kind, its package is not installed, or nobody answers there.
    """
    kind, _, where = name.partition(":")
    if kind not in KINDS or not where:
        raise UserError(f"--executor is {name!r}, expected {' or '.join(FORMS)}")
    package, open_executor = KINDS[kind]
    try:
        module = import_module(package)
    except ImportError as error:
        raise UserError(f"--executor {name} needs {package}: pip install {package}") from error
    with open_executor(module, where) as executor:
        yield executor


@contextmanager
def _dask(distributed: Any, address: str) -> Iterator[Executor]:
    try:
        client = distributed.Client(address, timeout=SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"--executor dask:{address}: {error}") from error
    with client, client.get_executor() as executor:
        yield executor


@contextmanager
def _loky(loky: Any, workers: str) -> Iterator[Executor]:
    if not workers.isdecimal() or int(workers) < 1:
        raise UserError(f"--executor loky:{workers}: expected a number of processes")
    with loky.ProcessPoolExecutor(int(workers)) as executor:
        yield executor


KINDS: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "dask": ("distributed", _dask),
    "loky": ("loky", _loky),
}
"""For each kind its package, and what opens it."""

FORMS = ("dask:ADDRESS", "loky:N")
