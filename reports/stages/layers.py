"""Stage 1: every layer of the catalogue."""

from __future__ import annotations

from functools import partial

from gradcheck.result import Report
from reports.parallel import mapped
from reports.places import Place, places
from reports.request import Found, Request
from reports.stages.conclude import concluded
from reports.stages.curves import with_curves
from reports.table import Line, by_layer, lines, render


def check_layers(request: Request) -> Found:
    """Stage 1: every configuration of the catalogue, against both witnesses."""
    chosen = places(1 if request.quick else None)
    work = partial(_check_place, seed=request.seed, tape=request.tape)
    reports: list[Report] = []
    table: list[Line] = []
    elsewhere = partial(mapped, work, jobs=request.jobs, executor=request.executor)
    done = request.journal.through(chosen, elsewhere)
    for _, (report, found) in zip(request.progress.over(chosen, "layers"), done, strict=True):
        reports.append(report)
        table += found
    print(render(table) if request.verbose else by_layer(table))
    return concluded(reports, table, "errors-layers.svg", "Every layer")


def _check_place(place: Place, seed: int, tape: bool) -> tuple[Report, list[Line]]:
    report = place.check(seed, tape=tape)
    # Here and not later: a report from another process has left its layer behind.
    return report, with_curves(lines(place.name, place.configuration.label, report))
