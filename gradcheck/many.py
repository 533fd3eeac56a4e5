"""Many checks at once, through any executor: a task that kills its worker costs only itself."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from gradcheck.layer import name_of
from gradcheck.result import Finding, Report

Task = Callable[[], Report]


def check_many(
    tasks: Iterable[Task] | Mapping[str, Task],
    executor: Executor | Callable[[], Executor] | None = None,
) -> list[Report]:
    """Run many checks; each of them has its report, in the order of the tasks, and an error is one.

        tasks = [partial(check, layer, x) for layer, x in cases]
        with ProcessPoolExecutor(8) as pool:
            reports = check_many(tasks, pool)

    Args:
        tasks: functions without arguments that return a report, as `functools.partial(check, layer, x)`
            is; or a dict of them, whose keys the reports are called by.
        executor: any `concurrent.futures.Executor`, threads, processes or machines, or a function that
            makes one; None for one task after another, here.

    Returns:
        A report for each task. One that raised, or whose worker died, has the finding `raises`.
    """
    named = dict(tasks) if isinstance(tasks, Mapping) else None
    listed = list(named.values() if named is not None else tasks)
    names = list(named) if named is not None else [_name(task) for task in listed]
    if executor is None:
        return [_report(name, task) for name, task in zip(names, listed, strict=True)]
    make = executor if not isinstance(executor, Executor) else _one_process
    if isinstance(executor, Executor):
        return _through(executor, make, names, listed)
    with executor() as pool:
        return _through(pool, make, names, listed)


def _through(
    pool: Executor, make: Callable[[], Executor], names: list[str], tasks: list[Task]
) -> list[Report]:
    futures = [_submitted(pool, partial(_report, *pair)) for pair in zip(names, tasks, strict=True)]
    return [
        _collected(future, make, name, task)
        for future, name, task in zip(futures, names, tasks, strict=True)
    ]


def _submitted(pool: Executor, task: Task) -> Future[Report] | None:
    """None where the pool is broken already."""
    try:
        return pool.submit(task)
    except BrokenExecutor:
        return None


def _collected(
    future: Future[Report] | None, make: Callable[[], Executor], name: str, task: Task
) -> Report:
    """The report of a task; if its pool broke, of the task by itself, for another may have broken it."""
    try:
        if future is not None:
            return future.result()
    except BrokenExecutor:
        pass
    except Exception as error:
        return _failed(name, error)
    with make() as alone:
        try:
            return alone.submit(partial(_report, name, task)).result()
        except BrokenExecutor:
            return _failed(name, RuntimeError("the process that ran this check died"))
        except Exception as error:
            return _failed(name, error)


def _one_process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _report(name: str, task: Task) -> Report:
    try:
        return task()
    except Exception as error:
        return _failed(name, error)


def _failed(name: str, error: BaseException) -> Report:
    finding = Finding(
        "raises",
        f"The check ended in {type(error).__name__}: {error}",
        {"traceback": "".join(traceback.format_exception(error))},
        fails=True,
    )
    return Report(name, (), (finding,))


def _name(task: Any) -> str:
    """What a task checks: the layer that a partial was given first."""
    arguments = getattr(task, "args", ())
    return name_of(arguments[0] if arguments else task)
