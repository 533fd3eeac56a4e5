"""Work in several processes, its results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from gradcheck.many import one_thread
from reports.executors import started

Task = TypeVar("Task")
Result = TypeVar("Result")

CHUNKS = 8
"""Chunks of tasks a process: few enough to cost little, enough that none waits long for another."""


def mapped(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, executor: str | None = None
) -> Iterator[Result]:
    """`work` on each task, in order, in `jobs` processes; one job is this process itself.

    Where an executor is named, dask:ADDRESS or loky:N, others do it.
    """
    if executor is not None:
        return _elsewhere(work, tasks, executor)
    return map(work, tasks) if jobs == 1 else apart(work, tasks, jobs)


def _elsewhere(
    work: Callable[[Task], Result], tasks: Sequence[Task], executor: str
) -> Iterator[Result]:
    with one_thread(), started(executor) as pool:
        yield from pool.map(work, tasks)


def chunk_of(tasks: int, jobs: int) -> int:
    """How many tasks a process is handed at a time."""
    return max(1, tasks // (CHUNKS * jobs))


def shared_out(costs: Sequence[float], jobs: int) -> float:
    """How many times sooner `jobs` processes are done with tasks of these costs than one, starts left out."""
    busy, chunk = [0.0] * jobs, chunk_of(len(costs), jobs)
    for first in range(0, len(costs), chunk):
        # Whoever is free first is handed the next.
        busy[busy.index(min(busy))] += sum(costs[first : first + chunk])
    return sum(costs) / max(busy)


def apart(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int = 1) -> Iterator[Result]:
    """`work` on each task, in order, in `jobs` fresh processes of one thread each.

    More threads would only fight for the cores, and where others use them too, threads that wait for
    each other make a product of matrices a hundred times slower.
    """
    # A fresh interpreter: a fork would copy TensorFlow's and BLAS's threads in mid-step.
    with one_thread(), ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, tasks, chunksize=chunk_of(len(tasks), jobs))
