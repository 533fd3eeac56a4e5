"""The sections, one file each, in the order in which they are measured."""

from __future__ import annotations

from reports.bench.section import Section
from reports.bench.sections import (
    alarms,
    archives,
    blame,
    commands,
    cost,
    coverage,
    false_names,
    gallery,
    growth,
    homework,
    large,
    lines,
    missed,
    mutants,
    peers,
    power,
    repair,
    resolution,
    soak,
    speed,
    stage1,
    stage2,
    start,
    tape,
    training,
    whole,
    wild,
)

SECTIONS: dict[str, Section] = {
    module.SECTION.name: module.SECTION
    for module in (
        coverage,
        resolution,
        alarms,
        soak,
        power,
        missed,
        cost,
        growth,
        whole,
        large,
        stage1,
        tape,
        gallery,
        wild,
        false_names,
        mutants,
        blame,
        lines,
        repair,
        homework,
        stage2,
        training,
        speed,
        start,
        peers,
        archives,
        commands,
    )
}
"""By the name under which a section is asked for."""

GROUPS: dict[str, tuple[str, ...]] = {
    "trust": ("soak", "coverage", "missed", "false-names", "mutants", "archives", "commands")
}
"""Sections that are asked for together, by the name of the question that they answer."""
