"""Stage 1: every layer of the catalogue."""

from __future__ import annotations

from functools import partial

from gradcheck import check
from gradcheck.result import Report
from layers.catalogue import twin_of
from reports.parallel import mapped
from reports.places import Place, places
from reports.request import Found, Request
from reports.stages.conclude import concluded
from reports.table import by_layer, lines, render


def check_layers(request: Request) -> Found:
    """Stage 1: every configuration of the catalogue, against both witnesses."""
    chosen = places(1 if request.quick else None)
    work = partial(_check_place, seed=request.seed, tape=request.tape)
    reports, table = [], []
    done = mapped(work, chosen, request.jobs)
    for place, report in zip(request.progress.over(chosen, "layers"), done, strict=True):
        reports.append(report)
        table += lines(place.name, place.configuration.label, report)
    print(render(table) if request.verbose else by_layer(table))
    return concluded(reports, table, "errors-layers.png", "Every layer")


def _check_place(place: Place, seed: int, tape: bool) -> Report:
    return check(
        place.layer,
        *place.inputs(seed),
        twin=twin_of(place.layer) if tape else None,
        seed=seed,
        name=f"{place.name} ({place.configuration.label})",
    )
