"""The main job: check every layer, check the whole network on real digits, and only then train."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gradcheck.render import printable
from gradcheck.tape import tensorflow
from reports.request import Found, Request
from reports.stages import check_layers, check_network, train
from reports.witness import must_be_there
from reports.written import PAGE, draw, times, write


def run(request: Request) -> bool:
    """Do the three stages, write the report, and say whether everything passed.

    Raises:
        UserError: if the data cannot be read, or TensorFlow cannot be imported; nothing has been
            checked then.
    """
    stages = {"start": Found(True, seconds=time.perf_counter() - request.started)}
    stages["data"] = _timed("", _begin, request)
    if request.tape:
        heading = "Starting TensorFlow, the second witness"
        stages["tensorflow"] = _timed(heading, _start_tensorflow, request)
    stages["layers"] = _timed("Stage 1. Every layer", check_layers, request)
    stages["network"] = _timed("Stage 2. The whole network on real digits", check_network, request)
    passed = all(found.passed for found in stages.values())
    if request.tape and passed:
        stages["training"] = _timed("Stage 3. Training", train, request)
        passed = stages["training"].passed
    else:
        stages["training"] = _left_out(request)
    stages["figures"] = _timed("", partial(draw, stages=stages), request)
    stages["report"] = _timed("", partial(write, stages=dict(stages), passed=passed), request)
    request.journal.remove()
    print(f"\n{times(stages)}")
    print(
        f"{'Everything passed' if passed else 'NOT everything passed'}. Report: {request.out / PAGE}"
    )
    return passed


def _timed(heading: str, stage: Callable[[Request], Found], request: Request) -> Found:
    """Do a stage under its heading, if it has one, and note the time it took."""
    if heading:
        print(f"\n{heading}\n{'=' * len(heading)}", flush=True)
    started = time.perf_counter()
    found = stage(request)
    seconds = time.perf_counter() - started
    if heading:
        print(f"({seconds:.1f} s)", flush=True)
    return replace(found, seconds=seconds)


def _begin(request: Request) -> Found:
    """Read the data: what is wrong with them is said before any work."""
    print(f"Data: {printable(str(request.data))}. Seed {request.seed}.")
    if request.quick:
        print("Quick: the first configuration of each layer, one image.")
    return Found(True)


def _start_tensorflow(request: Request) -> Found:
    must_be_there()
    print(f"TensorFlow {tensorflow().__version__}.")
    return Found(True)


def _left_out(request: Request) -> Found:
    """Stage 3 not done: for want of TensorFlow, or because a gradient is not right."""
    if request.tape:
        print("\nStage 3. Training: left out, because a gradient above is not right.")
        return Found(True, facts={"left_out": "a gradient is not right"})
    print("\nStage 3. Training: left out. Adam and the twin are TensorFlow's (--no-tape).")
    print("Left out too: the comparison with GradientTape in stages 1 and 2.")
    return Found(True, facts={"left_out": "--no-tape"})
