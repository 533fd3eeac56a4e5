"""From a wrong gradient to the wrong line; and, for a repair, where a backward pass is written.

`check_lines` compares the backward pass line by line. `backward_text` and `rewritten` are for those
who want to run the layer with another text in its backward pass; `trace` writes down every value that
a layer computes, there and back; `agreed` takes a proved repair as the judge of what is in doubt.
"""

from gradcheck.lines.agree import agreed, in_doubt
from gradcheck.lines.copy import BackwardText, backward_text, rewritten
from gradcheck.lines.guards import without_guards
from gradcheck.lines.source import Unreadable
from gradcheck.lines.story import check_lines
from gradcheck.lines.trace import trace

__all__ = [
    "BackwardText",
    "Unreadable",
    "agreed",
    "backward_text",
    "check_lines",
    "in_doubt",
    "rewritten",
    "trace",
    "without_guards",
]
