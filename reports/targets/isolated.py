"""Work on a user's own code in a process of its own, so that whatever it does, its neighbours get their results.

Their code may end the process, loop for ever, print without end, change what is imported, or leave
threads behind. The process sends messages as it goes; what it was about to send when it died or ran
out of time is said in its place.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

Send = Callable[[Any], None]

TICK = ("tick", None)
EVERY = 1.0
"""Seconds of silence after which a tick is sent."""

STILL = 300.0
"""Seconds without a sign of going on after which a target is stopped where no limit was given.

What goes on is not stopped, however long it takes: a right layer that is slow is no wrong one. Between two
signs lie a few dozen evaluations, or the search for a repair, whose clock ends it after twenty seconds.
"""

PATIENCE = 5.0
"""Seconds for a process to end by itself once it has said everything."""

MOMENT = 0.01
"""Seconds between two looks at whether a process has ended."""


@dataclass(frozen=True)
class Died:
    """The process ended before it was done; `how` is a part of a sentence."""

    how: str


def run_apart(
    work: Callable[..., None], *arguments: Any, timeout: float | None = None
) -> Iterator[Any]:
    """Run `work(send, aside, *arguments)` in a process of its own and yield what it sends.

    `TICK` is sent every second without a message, and `Died` last if the process ended early or was
    stopped: `timeout` seconds after a message, for what it tells `aside` buys it no time; without a timeout
    `STILL` seconds after the last word of either kind.
    """
    context: Any = multiprocessing.get_context(_method())
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(work, arguments, sender))
    process.start()
    sender.close()
    try:
        yield from _messages(receiver, process, timeout)
    finally:
        receiver.close()
        _end(process)


def _method() -> str:
    """A fork starts at once; where it is missing, or threads of TensorFlow run, a fresh interpreter."""
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux"
    return "fork" if forks and "tensorflow" not in sys.modules else "spawn"


def _messages(receiver: Connection, process: BaseProcess, timeout: float | None) -> Iterator[Any]:
    limit, stopped = timeout or STILL, "took longer than" if timeout else "got no further for"
    since = time.monotonic()
    while True:
        left = max(0.0, since + limit - time.monotonic())
        if not receiver.poll(min(left, EVERY)):
            # What it has started may hold the pipe open after its end.
            if not process.is_alive() and not receiver.poll():
                yield Died(_how(process.exitcode))
                return
            if left <= EVERY:
                yield Died(f"{stopped} {limit:g} s and was stopped")
                return
            yield TICK
            continue
        try:
            kind, message = receiver.recv()
        except EOFError:
            yield Died(_how(_status(process)))
            return
        if kind == "done":
            return
        yield message
        if kind == "message" or timeout is None:
            since = time.monotonic()


def _status(process: BaseProcess) -> int | None:
    """How a process ended, None if it does not; `join` would wait for one that has closed all its files."""
    until = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < until:
        time.sleep(MOMENT)
    return process.exitcode


def _how(status: int | None) -> str:
    if status is None:
        return "fell silent, its files closed, and was stopped"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended its process with status {status}"


def _end(process: BaseProcess) -> None:
    """Whatever still runs is stopped, with what it has started."""
    if process.pid is not None and process.is_alive():
        _end_what_it_started(process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join(PATIENCE)


def _child(work: Callable[..., None], arguments: tuple[Any, ...], sender: Connection) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    _silence()
    if sys.platform == "linux":
        _guard(sender)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    send = partial(_send, os.getpid(), sender)
    work(partial(send, "message"), partial(send, "aside"), *arguments)
    send("done", None)
    sender.close()
    # Threads that the user's code has left running are not waited for.
    os._exit(0)


ADOPTING = 36
"""Linux's PR_SET_CHILD_SUBREAPER: whose own parent has ended becomes this process's child."""


def _guard(sender: Connection) -> None:
    """Go on in a child; this process waits for its end, ends what it leaves, and then ends as it did.

    What the user's code starts in a session of its own is none of the group, but still among those
    that come back to the guard once their parents are gone.
    """
    ctypes.CDLL(None).prctl(ADOPTING, 1, 0, 0, 0)
    worker = os.fork()
    if worker == 0:
        return
    sender.close()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    ended, status = os.wait()
    while ended != worker:
        ended, status = os.wait()
    _end_what_it_started(os.getpid())
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def _end_with(parent: int) -> None:
    """Where the command line is killed, the user's code does not go on for ever alone."""
    while os.getppid() == parent:
        time.sleep(EVERY)
    _end_what_it_started(os.getpid())
    os._exit(1)


def _end_what_it_started(process: int) -> None:
    """Kill all that a process has started, and what that has; where there is no /proc, its group is all."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # Its name, in brackets, may hold anything.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    for one in found[1:]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)


def _send(mine: int, sender: Connection, kind: str, message: Any) -> None:
    """Say something, unless the user's code has forked: its double would say everything again."""
    if os.getpid() == mine:
        sender.send((kind, message))


def _silence() -> None:
    """What the user's code prints is no result of ours, and there may be gigabytes of it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdin, sys.stdout, sys.stderr = (open(os.devnull, mode) for mode in ("r", "w", "w"))  # noqa: SIM115
