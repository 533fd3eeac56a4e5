"""The sections, one file each, in the order in which they are measured."""

from __future__ import annotations

from importlib import import_module

from reports.bench.section import Section

NAMES = (
    *(
        "coverage",
        "resolution",
        "alarms",
        "soak",
        "power",
        "missed",
        "cost",
        "growth",
        "whole",
        "large",
    ),
    *("stage1", "tape", "gallery", "wild", "false_names", "mutants", "blame", "lines", "repair"),
    *("homework", "stage2", "training", "speed", "start", "peers", "archives", "commands"),
)
ROOMS = [import_module(f"{__name__}.{name}") for name in NAMES]

SECTIONS: dict[str, Section] = {room.SECTION.name: room.SECTION for room in ROOMS}
"""By the name under which a section is asked for."""

GROUPS: dict[str, tuple[str, ...]] = {
    "trust": ("soak", "coverage", "missed", "false-names", "mutants", "archives", "commands")
}
"""Sections that are asked for together, by the name of the question that they answer."""
