"""The main job: check every layer, check the whole network on real digits, and only then train."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from gradcheck.tape import tensorflow
from reports.request import Found, Request
from reports.stages import check_layers, check_network, train
from reports.written import write


def run(request: Request) -> bool:
    """Do the three stages, write the report, and say whether everything passed."""
    print(f"Data: {request.data}. Seed {request.seed}.")
    if request.quick:
        print("Quick: the first configuration of each layer, one image.")
    stages: dict[str, Found] = {}
    if request.tape:
        heading = "Starting TensorFlow, the second witness"
        stages["tensorflow"] = _timed(heading, _start_tensorflow, request)
    stages["layers"] = _timed("Stage 1. Every layer", check_layers, request)
    stages["network"] = _timed("Stage 2. The whole network on real digits", check_network, request)
    right = all(found.passed for found in stages.values())
    if request.tape and right:
        stages["training"] = _timed("Stage 3. Training", train, request)
    else:
        stages["training"] = _left_out(request)
    passed = all(found.passed for found in stages.values())
    write(request, stages, passed)
    verdict = "Everything passed" if passed else "NOT everything passed"
    print(f"\n{verdict}. Report: {request.out}")
    return passed


def _timed(heading: str, stage: Callable[[Request], Found], request: Request) -> Found:
    """Do a stage under its heading, and note the time it took."""
    print(f"\n{heading}\n{'=' * len(heading)}", flush=True)
    started = time.perf_counter()
    found = stage(request)
    seconds = time.perf_counter() - started
    print(f"({seconds:.1f} s)", flush=True)
    return replace(found, seconds=seconds)


def _start_tensorflow(request: Request) -> Found:
    version = tensorflow().__version__
    print(f"TensorFlow {version}.")
    return Found(True, facts={"version": version})


def _left_out(request: Request) -> Found:
    """Stage 3 not done: for want of TensorFlow, or because a gradient is not right."""
    if not request.tape:
        print("\nStage 3. Training: left out. Adam and the twin are TensorFlow's (--no-tape).")
        print("Left out too: the comparison with GradientTape in stages 1 and 2.")
        return Found(True, facts={"left_out": "--no-tape"})
    print("\nStage 3. Training: left out, because a gradient above is not right.")
    return Found(True, facts={"left_out": "a gradient is not right"})
