"""Many checks at once, through any executor: a task that kills its worker costs only itself."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from gradcheck.journal import Journal, Noting, facts_of
from gradcheck.layer import name_of
from gradcheck.meant import in_words, must_be
from gradcheck.result import Report, fault
from gradcheck.slices import Key, Ledger, Part, SlicedWitness, kept_by

T = TypeVar("T")

Task = Callable[[], Report]

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""What NumPy's BLAS and TensorFlow are told their number of threads by, as they are imported."""

DIED = "the layer kills its process: the worker that ran this check died"


def check_many(
    tasks: Iterable[Task] | Mapping[str, Task],
    executor: Executor | Callable[[], Executor] | None = None,
    *,
    journal: str | Path | None = None,
    resume: bool = False,
) -> list[Report]:
    """Run many checks; each of them has its report, in the order of the tasks, and an error is one.

        tasks = [partial(check, layer, x) for layer, x in cases]
        with ProcessPoolExecutor(8) as pool:
            reports = check_many(tasks, pool)

    A large gradient is spread too, in slices of entries. The reports are the same to the last digit
    whoever runs them.

    Args:
        tasks: functions without arguments that return a report, as `functools.partial(check, layer, x)`
            is; or a dict of them, whose keys the reports are called by.
        executor: any `concurrent.futures.Executor`, threads, processes or machines, or a function that
            makes one; None for one task after another, here.
        journal: a folder where finished reports and slices are kept.
        resume: go on with what is finished there.

    Returns:
        A report for each task. One that raised, or whose worker died, has the finding `raises`.

    Raises:
        gradcheck.journal.Changed: if there is something to go on with, and version, code, inputs or
            options are not what they were.
    """
    fits = executor is None or isinstance(executor, Executor) or callable(executor)
    must_be(fits, "executor", executor, "an Executor, or a function that makes one")
    _must_be_kept_somewhere(journal, resume)
    named = _named(tasks)
    kept = None
    if journal is not None:
        kept = Journal(journal, facts_of([task for _, task in named]), resume=resume)
    jobs = [_Job(k, name, task, kept) for k, (name, task) in enumerate(named)]
    return [job.here() for job in jobs] if executor is None else _elsewhere(jobs, executor)


def _elsewhere(jobs: Sequence[_Job], executor: Executor | Callable[[], Executor]) -> list[Report]:
    """The reports of jobs that an executor does, or one that is made for them and shut down after."""
    if isinstance(executor, Executor):
        return _Pool(executor, _one_process).run(jobs)
    made = executor()
    must_be(isinstance(made, Executor), "what executor() makes", made, "an Executor")
    with made as pool:
        return _Pool(pool, executor).run(jobs)


def _must_be_kept_somewhere(journal: Any, resume: bool) -> None:
    """Raise for a journal that is no folder, and where there is none to go on with."""
    must_be(journal is None or isinstance(journal, (str, Path)), "journal", journal, "a folder")
    if resume and journal is None:
        raise ValueError(
            "resume is True, but there is no journal to go on with: give journal='FOLDER'"
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes started meanwhile find one thread in their environment: N jobs do not fight for the cores."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Foreseen(BaseException):
    """A check needs these slices, which others can do; no fault, so no handler may catch it."""

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__("slices are to be done first")
        self.keys = list(keys)


class Done(BaseException):
    """A slice that was asked for is done."""

    def __init__(self, part: Part) -> None:
        super().__init__("the slice asked for")
        self.result = part


class _Known(Ledger):
    """Some slices are done; where others are missing, they are asked for before any work."""

    def __init__(self, parts: Mapping[Key, Part]) -> None:
        self.parts = parts

    def foreseen(self, witness: SlicedWitness, keys: Sequence[Key]) -> None:
        missing = [key for key in keys if key not in self.parts]
        if len(missing) > 1:
            raise Foreseen(keys)

    def part(self, key: Key, work: Callable[[], Part]) -> Part:
        return self.parts[key] if key in self.parts else work()


class _Only(Ledger):
    """One slice is done, and nothing else."""

    def __init__(self, key: Key) -> None:
        self.key = key

    def foreseen(self, witness: SlicedWitness, keys: Sequence[Key]) -> None:
        raise Done(witness.slice(self.key))


@dataclass
class _Job:
    """A task with its number, its name, and the journal, if one is kept."""

    number: int
    name: str
    task: Task
    journal: Journal | None
    parts: dict[Key, Part] = field(default_factory=dict)

    def here(self) -> Report:
        """The report, worked out in this process."""
        known = self.known()
        if known is not None:
            return known
        ledger = None if self.journal is None else Noting(self.journal, self.number)
        with nullcontext() if ledger is None else kept_by(ledger):
            return self.noted(_report(self.name, self.task))

    def known(self) -> Report | None:
        """The report that was finished before."""
        known = None if self.journal is None else self.journal.get(self.number)
        return known if isinstance(known, Report) else None

    def noted(self, report: Report) -> Report:
        """A report, noted in the journal unless an error ended it, which may be another the next time."""
        if self.journal is not None and report.rows:
            self.journal.put(self.number, report)
        return report

    def missing(self, keys: Sequence[Key]) -> list[Key]:
        """The slices that were not finished before; those that were are taken over."""
        if self.journal is not None:
            known = {key: self.journal.get((self.number, key)) for key in keys}
            self.parts |= {key: part for key, part in known.items() if isinstance(part, Part)}
        return [key for key in keys if key not in self.parts]

    def note(self, key: Key, part: Part) -> None:
        """A slice is finished."""
        self.parts[key] = part
        if self.journal is not None:
            self.journal.put((self.number, key), part)

    def begun(self) -> Callable[[], Report | list[Key]]:
        """What a worker is sent: the report, or the slices to be done first."""
        return partial(_begun, self.name, self.task, self.parts)


Slices = dict[Key, Future[Part] | None]
"""Slices that were sent, None where the pool is broken."""


@dataclass(frozen=True)
class _Pool:
    """An executor, what makes another when it is broken, and all that was sent to it."""

    executor: Executor
    make: Callable[[], Executor]
    sent: list[Future[Any]] = field(default_factory=list)

    def run(self, jobs: Sequence[_Job]) -> list[Report]:
        """The reports of all jobs: begun, their slices spread, put together."""
        begun = [(job, self._begun(job)) for job in jobs]
        spread = [(job, self._followed(job, one)) for job, one in begun]
        return [self._put_together(job, one) for job, one in spread]

    def _begun(self, job: _Job) -> Report | Future[Report | list[Key]] | None:
        """The report that was finished before, or what was sent."""
        known = job.known()
        return self._sent(job.begun()) if known is None else known

    def _followed(
        self, job: _Job, begun: Report | Future[Report | list[Key]] | None
    ) -> Report | Slices:
        """What was sent, once it is there: the report, or the slices that it needs, sent as well."""
        if isinstance(begun, Report):
            return begun
        found = self._collected(job, begun, job.begun())
        return job.noted(found) if isinstance(found, Report) else self._spread(job, found)

    def _spread(self, job: _Job, keys: Sequence[Key]) -> Slices:
        """Its slices, sent; but for those that are known."""
        return {key: self._sent(partial(_slice, job.task, key)) for key in job.missing(keys)}

    def _put_together(self, job: _Job, slices: Report | Slices) -> Report:
        """The job's report from its slices, or that of one that could not be done."""
        if isinstance(slices, Report):
            return slices
        for key, future in slices.items():
            part = self._collected(job, future, partial(_slice, job.task, key))
            if isinstance(part, Report):
                return job.noted(part)
            job.note(key, part)
        report = self._collected(job, self._sent(job.begun()), job.begun())
        assert isinstance(report, Report)
        return job.noted(report)

    def _sent(self, work: Callable[[], T]) -> Future[T] | None:
        """None where the pool is broken already."""
        try:
            with one_thread():
                future = self.executor.submit(work)
        except BrokenExecutor:
            return None
        self.sent.append(future)
        return future

    def _collected(self, job: _Job, future: Future[T] | None, work: Callable[[], T]) -> T | Report:
        """What came of work; if its pool broke, of the work by itself, for another may have broken it."""
        try:
            if future is not None:
                return future.result()
        except BrokenExecutor:
            pass
        except Exception as error:
            if not _is_given_up(error):
                return _failed(job.name, error)
            # Whatever was waiting at a worker that died is suspected: alone it is seen who kills it.
            wait(self.sent)
            return _alone(job, self.executor, work)
        with one_thread(), self.make() as fresh:
            return _alone(job, fresh, work)


def _begun(name: str, task: Task, parts: Mapping[Key, Part]) -> Report | list[Key]:
    """The report of a task, or the slices that it needs first."""
    with kept_by(_Known(parts)):
        try:
            return _report(name, task)
        except Foreseen as foreseen:
            return foreseen.keys


def _slice(task: Task, key: Key) -> Part:
    """One slice of a task's gradients."""
    with kept_by(_Only(key)):
        try:
            task()
        except Done as done:
            return done.result
    raise RuntimeError("the check came to an end without the slice it was to do")


def _one_process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _report(name: str, task: Task) -> Report:
    try:
        report = task()
        must_be(
            isinstance(report, Report), "what the task returns", report, "the report of a check"
        )
        return report
    except (KeyboardInterrupt, Foreseen, Done):
        raise
    except BaseException as error:
        # Whatever ends this one, the others get theirs.
        return _failed(name, error)


def _alone(job: _Job, executor: Executor, work: Callable[[], T]) -> T | Report:
    """What comes of work while nothing else is done there."""
    try:
        return executor.submit(work).result()
    except Exception as error:
        died = isinstance(error, BrokenExecutor) or _is_given_up(error)
        return _failed(job.name, RuntimeError(DIED) if died else error)


def _is_given_up(error: Exception) -> bool:
    """Whether a scheduler has given up on a task because workers died at it: dask, whose own class it is."""
    return type(error).__name__ == "KilledWorker"


def _failed(name: str, error: BaseException) -> Report:
    told = {"traceback": "".join(traceback.format_exception(error))}
    finding = fault("raises", f"The check ended in {in_words(error)}", told)
    return Report(name, (), (finding,))


def _named(tasks: Iterable[Task] | Mapping[str, Task]) -> list[tuple[str, Task]]:
    """The tasks, each with what its report is called."""
    expected = "a list of functions, or a dict of them"
    must_be(isinstance(tasks, Iterable), "tasks", tasks, expected)
    each = ((_name(task), task) for task in tasks)
    named = list(tasks.items() if isinstance(tasks, Mapping) else each)
    for _, task in named:
        must_be(callable(task), "a task", task, WITHOUT_ARGUMENTS)
    return named


WITHOUT_ARGUMENTS = (
    "a function that is called without arguments: functools.partial(check, layer, x)"
)


def _name(task: Any) -> str:
    """What a task checks: the layer that a partial was given first."""
    arguments = getattr(task, "args", ())
    return name_of(arguments[0] if arguments else task)
