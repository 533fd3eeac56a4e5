"""Files as students hand them in, and what the command line says of them."""

import json
import textwrap

from reports.cli import main

RIGHT = """
import numpy as np
from helpers_hw import factor

def square(x):
    return x * x, lambda dy: factor() * x * dy

def square_inputs(rng):
    return {"x": rng.normal(size=4)}
"""


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder


def unwrapped(text):
    """Sentences as they are before they are laid out in lines."""
    return " ".join(text.split())


def records(capsys, *argv):
    status = main(["check", *map(str, argv), "--format", "json"])
    return status, json.loads(capsys.readouterr().out)


def convicted(tmp_path, capsys, source, name, right, wrong, gradient):
    """The codes of a gradient that must fail where the last `right` of a file is written `wrong`."""
    assert source.count(right) >= 1
    head, tail = source.rsplit(right, 1)
    place = tmp_path / "wrong.py"
    place.write_text(head + wrong + tail)
    status, (one,) = records(capsys, f"{place}:{name}")
    rows = {row["name"]: row for row in one["rows"]}
    assert status == 1 and rows[gradient]["verdict"] == "FAIL"
    return {f["code"] for f in rows[gradient]["findings"]}
