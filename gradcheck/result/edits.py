"""What mends a backward pass: the lines that change, and what is proved of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gradcheck.codes import Code
from gradcheck.result.verdict import Finding


@dataclass(frozen=True)
class Edit:
    """One line of a file changed: what stands in line `line`, before and after, without its indentation."""

    line: int
    before: str
    after: str

    @property
    def code(self) -> str:
        """What stands there then, without a remark at its end."""
        return self.after.split("  #")[0]


@dataclass(frozen=True)
class Repair:
    """What was changed, one mistake or two, so that every gradient passes at three draws.

    `diff` is that as a patch of the file, `text` the function that holds the backward pass as it then
    is; `gradients` are those that pass; `names` holds what each mistake is called, as far as its edit
    says it, with the gradients that it makes wrong in its evidence. `only_here` says that it was proved
    in the sizes given alone: the layer takes no others, or not of the size that the edit reads.
    """

    edits: tuple[Edit, ...]
    diff: str
    text: str
    gradients: tuple[str, ...] = ()
    names: tuple[Finding, ...] = ()
    only_here: bool = False

    @property
    def code(self) -> Code | None:
        """What the mistake is called, if there is one and its edit says it."""
        return self.names[0].code if len(self.names) == len(self.edits) == 1 else None

    @property
    def line(self) -> int:
        """The line of the file that changes, the first of them."""
        return self.edits[0].line

    @property
    def before(self) -> str:
        """What stands there."""
        return self.edits[0].before

    @property
    def after(self) -> str:
        """What stands there then."""
        return self.edits[0].after

    def __str__(self) -> str:
        changes = " and ".join(f"`{one.code}` in line {one.line}" for one in self.edits)
        here = " That was proved in these sizes only." if self.only_here else ""
        return f"With {changes} {_all_pass(len(self.gradients))}.{here}"

    def to_dict(self) -> dict[str, Any]:
        """The repair as plain Python values."""
        return {
            "line": self.line,
            "before": self.before,
            "after": self.after,
            "edits": [asdict(one) for one in self.edits],
            "diff": self.diff,
            "code": self.code,
            "only_here": self.only_here,
            "names": [one.to_dict() for one in self.names],
            "message": str(self),
        }


def _all_pass(count: int) -> str:
    """In words, as far as people write numbers in words."""
    if count == 1:
        return "the gradient passes"
    words = {2: "both", 3: "all three", 4: "all four", 5: "all five", 6: "all six"}
    return f"{words.get(count, f'all {count}')} gradients pass"
