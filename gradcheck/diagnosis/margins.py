"""How exactly a hypothesis must fit before its name is said: each margin with its reason.

How often they are wrong is measured: random wrong gradients must get no name (`tests/test_names.py`),
planted mistakes must get theirs (`tests/test_mistakes.py`, `tests/test_unseen.py`).
"""

from __future__ import annotations

import numpy as np

FEWEST = 3
"""Of fewer entries anything can be explained by a number that happens to fit."""

ROUNDED = 0.1
"""What rounding may do to a hand-derived gradient, in units of √ε times its largest entry.

Half of all digits and one more: a sum of a million terms loses three of sixteen, so that what is right
but for rounding is recognised, while a coincidence has to be right to eight digits to be taken for it.
"""

EXPLAINED = 1e-2
"""What a model leaves of the error it explains. Exact means: far less is left than there was.

A model that misses by a part in a hundred where the bound is wide is one of many that would.
"""

NAMED = 1e-5
"""How close a fitted factor must be to a size at hand: two neighbouring sizes, 1/n and 1/(n + 1), are
farther apart up to n = 10⁵, where no batch or width gets to."""

COMPARED = 0.5
"""The share of the entries that must be left to compare, once kinks are out, for a name to hold."""

OVERLAP = 0.25
"""The same where the model was moved and only a part of it still lies beside the gradient."""

MOST = 0.5
"""The share of inactive entries that let something through before their mask is called missing: no
output may look at the others, as beside the last window of a pooling."""

MOSTLY = 0.1
"""What leaves no more than this share of the error explains it mostly; a name takes all of it."""

PROBED = 6
"""Wrong entries whose contributions are looked at one by one: a coincidence in all of six, each with a
chance of a half, happens once in sixty-four."""

CONTRIBUTES = {str(np.dtype(np.longdouble)): 1e-5, "float64": 1e-5, "float32": 1e-2, "float16": 0.2}
"""The part of the largest contribution below which another is none: the error of a plain central
difference at its best step is about ε^(2/3), 4e-11 and 2e-5 and 1e-2; the rest is for curvature."""

INVARIANT = 1e-6
"""The share that a sum over a group may keep if moving all of the group together changes nothing."""

JITTERS = (0.3, 0.01, 1e-4)
"""How far a fresh draw lies from the inputs given, as a factor exp(±jitter): far enough for another
point, and closer by and by for a layer that is defined only near where it was called."""

AGAIN = 1e-4
"""How close a fitted parameter must come out again at another draw, relative."""

INEXACT, SMALL = 1e-4, 0.1
"""An error of this part of every entry that is not small beside the largest is an inexactness: an ε or
a rounded constant has five digits or more. A small entry may be off by as much as one that is SMALL."""
