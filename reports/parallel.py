"""Work in several processes, its results in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

CHUNKS = 8
"""Chunks of tasks a process: few enough to cost little, enough that none waits long for another."""

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""What NumPy's BLAS and TensorFlow are told their number of threads by, as they are imported."""


def mapped(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """`work` on each task, in order, in `jobs` processes; one job is this process itself."""
    return map(work, tasks) if jobs == 1 else apart(work, tasks, jobs)


def apart(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int = 1) -> Iterator[Result]:
    """`work` on each task, in order, in `jobs` fresh processes of one thread each.

    More threads would only fight for the cores, and where others use them too, threads that wait for
    each other make a product of matrices a hundred times slower.
    """
    # A fresh interpreter: a fork would copy TensorFlow's and BLAS's threads in mid-step.
    with _one_thread(), ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        chunk = max(1, len(tasks) // (CHUNKS * jobs))
        yield from pool.map(work, tasks, chunksize=chunk)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started meanwhile find one thread in their environment."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
