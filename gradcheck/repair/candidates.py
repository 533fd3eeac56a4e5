"""The candidates: a backward pass with one edit in one of its lines, the most plausible first.

An edit exchanges one node of the syntax tree. Most are dismissed without a run: their expression is
evaluated where the line stands, and whoever raises there, changes nothing, or misses a value that is
known cannot be meant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, filterfalse, product, tee
from operator import length_hint
from typing import Any

import numpy as np

from gradcheck.lines.carried import written_by
from gradcheck.lines.names import grouped
from gradcheck.lines.statements import names_read
from gradcheck.repair.chain import Ahead, derived
from gradcheck.repair.grammar import LEFT_OUT, MISTAKEN, Alternative, Rule
from gradcheck.repair.grammar.calls import REDUCING
from gradcheck.repair.missing import missing
from gradcheck.repair.places import Place
from gradcheck.repair.scope import NOTHING, same, shape_of
from gradcheck.repair.tree import called_name, inside, replaced
from gradcheck.repair.watch import lines_of

OF_ANY_SHAPE = 2.0
"""The price below which an edit may change the shape of what is computed in a loop."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One edit: a node that stands in place of another."""

    place: Place
    edit: Alternative

    def siblings(self) -> Iterator[Candidate]:
        """The same edit with another size that is as large here."""
        for first, *others in self.place.scope.all_sizes.values():
            size, written = ast.unparse(first), ast.unparse(self.edit.node)
            for other in others if size in written else ():
                node = replaced(self.edit.node, size, other)
                yield Candidate(self.place, replace(self.edit, node=node))


Key = tuple[int, int, tuple[int, ...], bytes]


@dataclass(frozen=True)
class Sieve:
    """Lets through what may be meant; of several candidates that compute the same, the first."""

    values: set[Key] = field(default_factory=set)
    texts: dict[int, set[str]] = field(default_factory=dict)

    def lets_through(self, candidate: Candidate) -> bool:
        """Whether a candidate is worth a run."""
        place = candidate.place
        if place.root is None:
            return self._is_another(place, candidate.edit.node)
        after = NOTHING if _is_idle(candidate) else place.after(candidate.edit.node)
        if after is NOTHING or not _may_be_meant(candidate, after):
            return False
        if place.repeated is not None:
            # What comes last may be an exception: only its shape is looked at.
            free = candidate.edit.price < OF_ANY_SHAPE and not _reads_what_it_writes(candidate)
            return free or _is_alike(place.before, after)
        return self._is_new(place, after)

    def lets_through_again(self, candidate: Candidate) -> None:
        """Let through what computes the same: it may do so for another reason, and elsewhere differ."""
        self.values.difference_update(
            _keys(candidate.place, candidate.place.after(candidate.edit.node))
        )

    def _is_another(self, place: Place, new: ast.AST) -> bool:
        """Whether what cannot be evaluated by itself is at least written otherwise than before."""
        written = self.texts.setdefault(id(place.node), {ast.dump(place.node)})
        before = len(written)
        written.add(ast.dump(new))
        return len(written) > before

    def _is_new(self, place: Place, value: Any) -> bool:
        keys = _keys(place, value)
        if same(place.before, value) or keys & self.values:
            return False
        self.values.update(keys)
        return True


def _may_be_meant(candidate: Candidate, after: Any) -> bool:
    """Whether a loop is no longer with it, no size is read that is 1, and what is known is not missed."""
    place = candidate.place
    odd = (
        _is_longer(place, after)
        or (place.repeated is None and _vanishes(place.before, after))
        or _is_no_size(place, candidate.edit, after)
        or _feeds_itself(candidate)
    )
    return not odd and place.may_be_true(_repeated(after, place))


def _repeated(value: Any, place: Place) -> Any:
    """A value in the shape of what is true, if it is one that is repeated where it is read."""
    own = shape_of(value)
    if not own or place.true is None or own == place.true[0].shape:
        return value
    with suppress(ValueError):
        return np.broadcast_to(value, place.true[0].shape)
    return value


def _is_idle(candidate: Candidate) -> bool:
    """Whether something is transposed of which only a size or a sum is read, for which nobody transposes."""
    around = candidate.place.slot.parent
    read = getattr(around, "attr", "") in MEASURED or called_name(around) == "len"
    return read and getattr(candidate.edit.node, "attr", "") == "T"


def _vanishes(before: Any, after: Any) -> bool:
    """Whether nothing is left of something: what is wrong is rid of so, and what is meant as well."""
    both = (v for v in (before, after) if isinstance(v, np.ndarray | np.generic | float))
    return [np.asarray(value).any() for value in both] == [True, False]


MEASURED = ("shape", *REDUCING)


def _is_alike(before: Any, after: Any) -> bool:
    """Whether a value has the shape of the one before, as far as that is known, or more along axes of one."""
    old, new = shape_of(before), shape_of(after)
    return before is NOTHING or new in (old, old and _together(old, new or ()))


def _together(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of what is computed from two arrays, entry by entry."""
    with suppress(ValueError):
        return np.broadcast_shapes(one, other)
    return None


def _keys(place: Place, value: Any) -> set[Key]:
    """What a statement computes, as far as it is numbers: one key or none."""
    if place.root is None or not isinstance(value, (np.ndarray, np.generic)):
        return set()
    # Of a masked array the numbers: its own bytes need a mask of its shape.
    numbers = np.asarray(value).tobytes()
    return {(id(place.statement), place.root.index or 0, value.shape, numbers)}


def _is_longer(place: Place, steps: Any) -> bool:
    """Whether a loop takes more steps than before; an iterator is as long as it says."""
    loops = isinstance(place.statement, ast.For) and place.before is not NOTHING
    return loops and length_hint(steps, 0) > length_hint(place.before, 0)


def _feeds_itself(candidate: Candidate) -> bool:
    """Whether a loop then runs through what it writes into: it may have no end, and a list no bound."""
    loop = candidate.place.statement
    written = chain(*map(written_by, inside(loop, ast.stmt)[1:]))
    return isinstance(loop, ast.For) and not names_read(candidate.edit.node).isdisjoint(written)


def _reads_what_it_writes(candidate: Candidate) -> bool:
    """Whether a statement then goes on with its own value: `i = at[i]` may have more axes in each turn."""
    written = written_by(candidate.place.statement)
    return not names_read(candidate.edit.node).isdisjoint(written)


SIZES = (".shape", "len(", ".size")
"""How a size is read."""


def _is_no_size(place: Place, edit: Alternative, after: Any) -> bool:
    """Whether a size is read that is 1: a factor vanishes by it in all sizes, and it is not what is meant."""
    if _is_a_size(place) and type(after) is not int:
        # What is called a size stays one: where it is read wrongly, that is the line to change.
        return True
    if type(after) is not int or after != 1:
        return False
    written = ast.unparse(place.computed) + ast.unparse(edit.node)
    return any(size in written for size in SIZES)


def _is_a_size(place: Place) -> bool:
    """Whether a statement only gives a name to a size, `m = X.shape[0]`."""
    written = ast.unparse(place.computed)
    return type(place.before) is int and bool(
        re.fullmatch(r"[\w.]+\.shape\[-?\d\]|len\([\w.]+\)|[\w.]+\.size", written)
    )


@dataclass(frozen=True)
class Doubt:
    """The line of the first wrong value, if it is known, and those that share the doubt, as the tree counts.

    `right` are the lines whose values were seen to be right.
    """

    first: int | None
    also: frozenset[int]
    explains: bool | None = None
    right: frozenset[int] = frozenset()
    solved: frozenset[int] = frozenset()

    @staticmethod
    def of(
        said: Sequence[int],
        several: Sequence[Place],
        function: ast.FunctionDef,
        *,
        explains: bool | None = None,
        right: Iterable[int] = (),
        solved: Iterable[int] = (),
    ) -> Doubt:
        """What was said of a function: the line of its first wrong value, then those that share the doubt.

        `explains` says whether all comes right once that value does, `right` which lines are, `solved` in which
        lines only one value makes it so.
        """
        own = set(chain.from_iterable(place.lines for place in several))
        first = next((line for line in said[:1] if line in own), _first_wrong(several))
        around = [loop.lineno for loop in inside(function, ast.For) if first in lines_of(loop)]
        return Doubt(
            first, frozenset([*said, *around]), explains, frozenset(right), frozenset(solved)
        )

    @property
    def is_settled(self) -> bool:
        """Whether no other line counts: nothing else goes into the value, and all comes right with it."""
        return bool(self.explains) and self.also == {self.first}

    def is_solved(self, place: Place) -> bool:
        """Whether it is known what a statement must compute if the mistake is in it."""
        return place.true is not None and not self.solved.isdisjoint(place.lines)

    def rank(self, place: Place) -> int:
        """0 for what is blamed, 1 for what shares the doubt, 2 for others, 3 for what is right.

        4 for what may lead around them all.
        """
        if place.leads_around:
            return 4
        if self.first in place.lines:
            return 0
        if self.right.intersection(place.lines):
            return 3
        return 2 - bool(self.also.intersection(place.lines))


def _first_wrong(several: Sequence[Place]) -> int | None:
    """The line of the first expression whose value is not what it is known to be."""
    wrong = (place for place in several if not place.may_be_true(place.before))
    return next((place.computed.lineno for place in wrong), None)


def rounds(several: Sequence[Place], doubt: Doubt, ahead: Ahead) -> tuple[Iterator[Candidate], ...]:
    """Every edit of the backward pass that the grammar knows, the likeliest first.

    Where lines share the doubt the likelier slip says which it is; of two alike the line that is blamed.
    """
    ranked = grouped(several, doubt.rank)
    blamed = ranked.get(0, [])
    solved, doubted = map(list, partitioned(ranked.get(1, ()), doubt.is_solved))
    # Where the mistake is, its value comes right; before that any value may.
    doubted, others, right, ways = (
        [replace(one, true=None) for one in several]
        for several in (doubted, *(ranked.get(rank, ()) for rank in (2, 3, 4)))
    )
    known, open_ = map(list, partitioned(blamed, _is_known))
    # Where what is true of a value explains nothing it may mean something else than its name says.
    otherwise = [replace(one, true=None) for one in known if doubt.explains is False]
    # Of two alike the earlier: what is lacking there is lacking in all that is computed from it.
    lacking = (Candidate(place, edit) for place in (*solved, *known) for edit in missing(place))
    unsure = [*blamed, *solved, *doubted]
    plain = _cheapest_first(unsure, MISTAKEN)
    told = _derived([*known, *solved], ahead, unsure)
    return (
        # What is derived is kept in hand while plainer slips are sought in the other lines in doubt.
        *((told, plain) if doubted else (plain,)),
        _cheapest_first(otherwise, MISTAKEN),
        # Where the true value is known hardly anything has to be run.
        _cheapest_first([*known, *solved], LEFT_OUT),
        told,
        _cheapest(lacking),
        _cheapest_first([*open_, *doubted], LEFT_OUT),
        _derived([*open_, *doubted], ahead, unsure),
        _cheapest_first(ways, MISTAKEN),
        *_elsewhere(others, doubt.is_settled),
        *_elsewhere(right, doubt.is_settled),
    )


def _derived(
    several: Sequence[Place], ahead: Ahead, unsure: Sequence[Place]
) -> Iterator[Candidate]:
    """What the forward pass says that lines should compute; none goes around what another one in doubt gives."""
    found = (Candidate(one, edit) for one in several for edit in derived(one, ahead))
    yield from _cheapest(filterfalse(partial(_goes_around, unsure), found))


def _goes_around(several: Sequence[Place], candidate: Candidate) -> bool:
    """Whether what is written reads a value given in another of the lines in doubt, and the edit does not."""
    place = candidate.place
    others = (one.statement for one in several if one.statement is not place.statement)
    given = chain.from_iterable(map(written_by, others))
    left = names_read(place.node) - names_read(candidate.edit.node)
    return not left.isdisjoint(given)


def _elsewhere(several: Sequence[Place], settled: bool) -> tuple[Iterator[Candidate], ...]:
    """What may be meant in lines that nobody doubts, if it is not settled that it is another."""
    left = () if settled else several
    return _cheapest_first(left, MISTAKEN), _cheapest_first(left, LEFT_OUT)


def _is_known(place: Place) -> bool:
    return place.true is not None


def partitioned(
    several: Iterable[Place], is_so: Callable[[Place], bool]
) -> tuple[Iterator[Place], Iterator[Place]]:
    """Those of which something is so, and the others."""
    mine, others = tee(several)
    return filter(is_so, mine), filterfalse(is_so, others)


def _cheapest_first(several: Iterable[Place], rules: Sequence[Rule]) -> Iterator[Candidate]:
    found = [
        Candidate(place, edit)
        for place, rule in product(several, rules)
        for edit in rule(place.node, place.scope)
    ]
    yield from _cheapest(found)


def _cheapest(found: Iterable[Candidate]) -> Iterator[Candidate]:
    yield from sorted(found, key=lambda one: one.edit.price)
