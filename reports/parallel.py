"""Work in several processes, its results in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

CHUNKS = 8
"""Chunks of tasks a process: few enough to cost little, enough that none waits long for another."""


def mapped(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """`work` on each task, in order, in `jobs` processes; one job is this process itself."""
    if jobs == 1:
        yield from map(work, tasks)
        return
    # Each process may have one core to itself: as many BLAS threads more would only fight for it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A fresh interpreter: a fork would copy TensorFlow's and BLAS's threads in mid-step.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        chunk = max(1, len(tasks) // (CHUNKS * jobs))
        yield from pool.map(work, tasks, chunksize=chunk)
