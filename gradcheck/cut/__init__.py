"""A network as one function, checked piece by piece: cut where everything passes through a single value.

Behind a scalar loss nothing is aligned: every entry of every parameter costs evaluations of its own. But
where the source can be read its intermediate values are known, and between two of them the axes are
aligned again. Beside a residual sum an input is cut where its own effect passes, and float32 is cut where it
follows into float64. `in_pieces` gives a witness that differentiates each piece and chains what it finds.
"""

from gradcheck.cut.witness import PiecewiseWitness
from gradcheck.cut.worth import cuts_of, in_all_pieces, in_pieces, maker, remarks

__all__ = ["PiecewiseWitness", "cuts_of", "in_all_pieces", "in_pieces", "maker", "remarks"]
