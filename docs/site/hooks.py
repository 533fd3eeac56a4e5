"""What the site shows that is made from the code: codes with an example each, the catalogue, formulas, a figure.

What is written once, in a docstring, a page of the layers or the table of codes, is read from there.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent.parent
BESIDE = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "examples/*.*",
    "examples/wrong/*.py",
    "layers/derivations/*.md",
    "layers/mistakes/**/*.md",
)
"""What the site shows of the rest of the repository."""
DERIVATIONS = ROOT / "layers" / "derivations"
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.M | re.S)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.S)

KINDS = {
    "conduct": "What a backward pass must not do",
    "numbers": "What limits a statement",
    "where": "Where the mistake is",
    "diagnosis": "What the mistake is",
}
"""The kinds of codes, as headings."""


def on_files(files: Files, config: Any) -> Files:
    """What lies beside the code, under the address it has there, and the figure of errors against steps."""
    for source in sorted(path for pattern in BESIDE for path in ROOT.glob(pattern)):
        name = source.relative_to(ROOT).as_posix().removeprefix("layers/")
        name = "index.md" if name == "README.md" else name
        files.append(File.generated(config, name, content=_moved(source.read_text())))
    files.append(File.generated(config, "figures/steps.svg", content=steps_figure()))
    return files


def _moved(text: str) -> str:
    """A page with its links as they are on the site, where docs/ and layers/ are one with the root."""
    return re.sub(r"\]\((?:\.\./)*(?:docs|layers)/", "](", text)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page with what is made for it, and its formulas as MathML, which needs no script."""
    if page.file.abs_src_path and str(ROOT / "docs") in page.file.abs_src_path:
        markdown = _moved(markdown).replace("](../", "](")
    made = {"codes": codes, "catalogue": catalogue, "rooms": rooms, "wild": wild}
    for marker, make in made.items():
        if f"<!-- {marker} -->" in markdown:
            markdown = markdown.replace(f"<!-- {marker} -->", "\n".join(make()))
    parts = CODE.split(markdown)
    return "".join(part if k % 2 else FORMULA.sub(_mathml, part) for k, part in enumerate(parts))


def _mathml(formula: re.Match[str]) -> str:
    display, inline = formula.groups()
    return convert(display or inline, display="block" if display else "inline")


def codes() -> Iterator[str]:
    """Every finding code: what was seen, what to do, and what is really said of a planted mistake."""
    from gradcheck.result import CODES

    for kind, heading in KINDS.items():
        yield f"## {heading}\n"
        for code, meaning in CODES.items():
            if meaning.kind == kind:
                yield f"### `{code}`\n\n{meaning.seen} {meaning.advice}\n"
                yield from _example(code)


def _example(code: str) -> Iterator[str]:
    from layers.mistakes import MISTAKES
    from reports.mistakes import examine, said

    mistake = next((m for m in MISTAKES.values() if m.code == code), None)
    if mistake is None:
        return
    findings = said(mistake, examine(mistake, mistake.shows))
    message = next(finding.message for finding in findings if finding.code == code)
    yield f"> {message}\n>\n> `gradcheck mistakes {mistake.name}`\n"


def catalogue() -> Iterator[str]:
    """Every layer, with its formula, its shapes and its derivation."""
    from layers.catalogue import CATALOGUE

    yield "| layer | computes | shapes |\n|---|---|---|"
    for name, entry in CATALOGUE.items():
        own = (DERIVATIONS / f"{name}.md").exists()
        page = f"derivations/{name}.md" if own else f"derivations/activations.md#{name}"
        cells = (f"[`{name}`]({page})", _cell(entry.formula), f"`{_cell(entry.shapes)}`")
        yield f"| {' | '.join(cells)} |"


def wild() -> Iterator[str]:
    """The mistakes in code of other shapes, each with the report that convicts it; none that is set aside."""
    from layers.mistakes.wild import SOURCES, WILD
    from reports.wild import run

    for page, source in SOURCES.items():
        yield f"## {source.title}\n\n[The whole source](mistakes/wild/{page}.md), checked by\n"
        yield f"```python\n{source.check}\n```\n"
        for mistake in WILD.values():
            if mistake.source is source and not mistake.set_aside:
                wrong, _ = mistake.changed
                report = run(wrong, source.check, mistake.name)
                changed = "\n".join(mistake.diff.lines)
                yield f"### {mistake.name}\n\n{mistake.story}\n\n```diff\n{changed}\n```\n"
                yield f"```text\n{report}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def rooms() -> Iterator[str]:
    """Every module of the three packages, with the first sentence of its docstring."""
    for house in ("gradcheck", "layers", "reports"):
        yield f"### `{house}/`\n\n| room | what it is for |\n|---|---|"
        for module in sorted((ROOT / house).rglob("*.py"), key=_bottom_up):
            sentence = (ast.get_docstring(ast.parse(module.read_text())) or "").split("\n")[0]
            name = module.relative_to(ROOT / house).as_posix().removesuffix("__init__.py")
            if sentence and name:
                yield f"| `{name}` | {_cell(sentence)} |"
        yield ""


def _bottom_up(module: Path) -> tuple[bool, str]:
    """Modules first, then the packages beside them, each behind its own `__init__`."""
    inside = module.parent.parent.parent == ROOT
    return (inside, module.as_posix().replace("__init__", ""))


def steps_figure() -> str:
    """The V: the relative error of four difference quotients against their step, as SVG."""
    import matplotlib as mpl
    import numpy as np

    from gradcheck.curves import step_curves

    mpl.use("svg")
    from matplotlib import pyplot as plt

    curves = step_curves(np.tanh, lambda x: 1 - np.tanh(x) ** 2, np.linspace(0.3, 1.7, 5))
    with plt.rc_context({"svg.hashsalt": "gradcheck", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
        for name, errors in curves.errors.items():
            axes.loglog(curves.steps, np.maximum(errors, 1e-17), label=name)
        axes.set(xlabel="step h, relative to x", ylabel="relative error", ylim=(1e-17, 1e1))
        axes.legend()
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
        plt.close(figure)
    return drawn.getvalue()
