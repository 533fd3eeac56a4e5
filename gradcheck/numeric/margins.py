"""Every constant of the numerical witness's bound: what it is for, where it comes from, what would notice it.

"Noticed by" names the section of the benchmark, or the test, that a wrong value would fail.
"""

from __future__ import annotations

import numpy as np

EPSILON = float(np.finfo(np.float64).eps)
"""The precision in which differences are taken and added up."""

# Steps, relative to an entry's scale.

LARGEST_STEP = 0.25
"""No step is longer: further away is another point. Noticed by coverage."""

NEAR_ZERO = 0.1
"""The scale of a small entry is this part of the usual one: an entry of 1e-300 among ones moves by
steps that the others feel. Noticed by coverage (points over many scales)."""

FIVE = (-1.0, -0.5, 0.5, 1.0)
"""Where a stencil and a line are seen, in parts of the step, beside the point itself."""

SHORTER = 0.6
"""The second step of the first group: far enough from the first to fall elsewhere on a staircase, near
enough to see the same curvature, and no fraction of two: points would coincide. Noticed by coverage."""

CONVERGING = 0.25
"""A smooth function's correction shrinks as ρ², but for the next term of its series: a quarter of it at
most, or the series is not yet what two steps see of it. Noticed by coverage."""

LEAST_RATIO = 1 / 64
"""No second step is shorter than this part of the first: ρ² must leave more of its correction than
rounding. Noticed by resolution."""

RESOLVED = 0.05
"""A correction that is less than this part of the value is the first term of a series that converges, and
a second step tells the next. Noticed by resolution."""

SHORTEST_JUMP, LONGEST_JUMP = 2.0**-16, 64.0
"""How far one step may be from the next. The search estimates an optimum from one stencil, and an
estimate is not believed over more decades than it spans. Noticed by cost."""

UNKNOWN_JUMP = 2.0**-10
"""Where a stencil gives no estimate of the optimum at all: about √ε in single precision."""

ALREADY_SHORTER = 0.25
"""A shorter step that is hardly shorter would only cost evaluations."""

STRAIGHT = 0.01
"""Truncation this small beside round-off: the function is straight, the longest step is the best."""

SWEEP_RATIO, SWEEP_FIRST, SWEEP_LAST = 16.0, 0.17, 2.0**8
"""A sweep divides the step by 16 = 2⁴ until ε·2⁸ is reached, where two digits of a difference are left.
It starts within LARGEST_STEP and off the grid of powers of two."""

TELLING = 0.25
"""A bound narrower than this part of the value tells its sign and size: two that agree are no accident."""

NEAR = 3.0
"""Stencils up to this many first steps long tell noise from curvature. Noticed by coverage."""

FAR = 30.0
"""Steps of a sweep that are longer than this many first steps may have met a kink: what they contradict
is not widened for their sake."""

DROWNED = 8.0
"""What bends may be so many times the round-off that is expected, and still be noise: it is known from one
stencil. Noticed by soak, small addends."""

FURTHER = 12
"""Steps beyond |x|, each 16 times the last, where rounding hides all nearer ones: as far as 16¹² = 3e14 times,
from one end of what float64 adds up without loss to the other. Noticed by soak, small addends."""

BEYOND = 1.0
"""Steps in units of |x| beyond which a slope is that of another place: where rounding hides all nearer ones it
may acquit a gradient, and convicts none that changes on the way. Noticed by
test_a_slope_from_far_away_convicts_nobody."""

ON_THE_WAY = tuple(np.random.default_rng(0).uniform(-1.0, 1.0, 16).tolist())
"""Where a backward pass is asked what it claims on the way, in parts of the step: at random, as anything else
falls in step with some period. Of a slope that swings all of sixteen lie to one side once in 2^15. Noticed by
test_swings_hidden_by_rounding_convict_nobody and test_swings_too_small_to_be_seen_convict_nobody."""

STEEP = 100.0
"""A function that moves by so many ulps of its own within an ulp of x swings, or is about to."""

MUCH_MORE = 16.0
"""Noise so many times what an ulp shows may be the function itself, swinging many times within
the length on which noise is measured. Noticed by test_many_periods_within_x."""

KINK_SETTLED = 1e-8
"""A kink is believed at steps this short only: an entry a little way off has a derivative. About √ε
in double precision. Noticed by test_beside_a_kink_the_derivative_is_judged_as_a_derivative."""

# How noise is measured.

ULPS = 3.0
"""An ulp or two: 1.5 to 3 of them, so that every input moves however it is rounded."""

PLACES = (1.0, 1.618, 2.936, 4.763)
"""Distances along a line for the measurement: uneven, lest they fall in step with a staircase."""

UNBACKED = 8.0
"""Noise that is so many times half an ulp comes from inside, and is known from four samples only: each of
four normal ones is below half its deviation in one of 50 cases. Doubled, it is covered. Noticed by
coverage, (x + 1e4) − 1e4."""

LINE = 0.6
"""The line is ε^0.6·|x| long. Second differences leave ε^1.2·f'' of a smooth function, less than its
rounding ε·f, and meet as many steps of a staircase as possible. Noticed by coverage."""

# How much noise a bound covers.

CAUTION = 4.0
"""Standard deviations of the measured noise: beyond four lies one normal sample in 16,000, and the
noise is measured as the largest of six samples. Noticed by coverage and alarms."""

STENCIL_CAUTION = 16.0
"""The same for noise seen in one stencil only: one sample is often far below its own deviation (one
normal sample in 20 lies below 1/16 of it). Noticed by coverage, (x + 1e4) − 1e4."""

EXTRAPOLATED = 3.8
"""What (4 D(h/2) − D(h)) / 3 makes of independent noise in every evaluation, over the width 2h: its
weights are ±8/3 and ±1/3, the root of the sum of whose squares is √130/3."""

MOVED = 2.0
"""Each of the evaluations rounds by ε of what has moved, too: where the output itself is zero, or large
at both ends of a long step, that is more than its noise at the point. Twice, for a forward pass of
several operations. Noticed by test_an_exact_zero_in_float32 and test_a_large_common_mean."""

FOURTH_DIFFERENCE = 70.0
"""1 + 16 + 36 + 16 + 1: the variance of a fourth difference of noise of variance 1 (Moré and Wild,
Estimating Computational Noise, 2011, γ₄ = (4!)²/8! = 1/70)."""

CONTRACTION = 16.0
"""ε times this covers the rounding of the sum Σ dy·(f(x+h) − f(x−h)) itself: each product and
each partial sum rounds once, pairwise summation makes log₂ n of them. Noticed by alarms."""

# What a kink looks like.

KINK_RATIO, KINK_NOISE = 4.0, 16.0
"""The second difference across the point against those beside it, and against noise. Of a smooth
function all three are equal, so their sum is twice the first; of a kink those beside are zero. A
second difference has 4 evaluations' worth of noise, and CAUTION of them. Noticed by test_kinks."""

JOINT_NOISE = 8.0
"""Two evaluations' worth of noise, CAUTION deviations of each. Noticed by test_kinks."""

# Where the output moves in proportion to an input.

LINES = 3
"""Lines along which it must: on one of them what two entries bend may cancel, down to the noise."""

BENT = CAUTION * 6**0.5
"""Noise in a second difference, whose variance is 1 + 4 + 1, as often as a bound covers it."""

STRAIGHT_STEP = LARGEST_STEP / 2
"""The step where nothing bends: the longest that no line was shorter than, in any entry."""

# How many groups are looked at side by side.

MOST_BESIDE, NUMBERS_BESIDE = 64, 2**14
"""Groups, and outputs of theirs: few enough for a processor's cache, and for a word about progress now and
then; enough that NumPy's own time for an operation is spent on many."""

# How hard to look.

WANTED = 4 / 7
"""A relative bound of ε^(4/7), 1e-9 in float64, needs no other step. Noticed by cost and coverage."""

ROUNDS = 3
"""How often a group may choose other steps before it settles for what it can see. Noticed by cost."""

BLURRED = 1e-4
"""A relative bound so wide that a sweep over all steps is worth its price; a tenth of what leaves a
verdict open. Noticed by cost and alarms."""

NEIGHBOURS = 48
"""Points near a kink that are asked before a value there is called wrong: of n tied entries one comes
last in a random order with probability 1/n, so that for n ≤ 8 one in 600 is missed."""

OUTSIDE = 64
"""Entries outside a kink's slopes whose neighbours are asked: where many are wrong, these say it."""

WALKS, POINTS = 4, 64
"""Half circles around a kink, and points on each: dozens of kinks that meet are told from each other. Where
more are crossed between two points they cancel in part, and less is allowed. Noticed by test_kinks."""

CONFIRMED = 0.75
"""The part of a walk's points at which differences must confirm the backward pass: the rest may lie so near
a kink that the step meets it."""

NEIGHBOUR_SLACK = 16.0
"""How much the gradient may change over the distance to a neighbour, relative to that distance and
to the gradient with nothing cancelling."""

# Lifted precision and the second look.

SAME_FUNCTION = 64.0
"""A forward pass that differs from itself in wider precision by more than this many times its measured
noise is another function there (it asks for its dtype). Rounding inside is often a few times what is
measured at six neighbouring points. Noticed by test_lifted."""

LIFTED_AT_ONCE = 4096
"""A function of so few numbers is differentiated in lifted precision at once. Noticed by resolution."""

LOOKS = 2
"""Entries that are measured again before a conviction. Of a right gradient every convicted entry is a
mistake of the first look, so that the furthest would do; a second is for luck."""

HALVINGS = 8
"""Between two steps of a sweep lie sixteen stairs at most: the first is found to an eighth of its tread."""

WITHIN = (5**0.5 - 1) / 2
"""The part of a rise at which its jump is searched: the golden one, as no whole number of equal stairs makes it
up, and rounding would tell two points of one stair apart. Noticed by test_two_equal_stairs_are_stairs."""

STAIRS = 4.0
"""Stairs lead so many times as high as the first of them: with it fewer than four others are no slope."""

STAIRS_MET = 4
"""Jumps one behind the other, an ulp or two apart, that make a staircase: a threshold is met once. Noticed by
test_a_threshold_beside_the_point_excuses_nobody."""

GRAIN = 8
"""Ulps of an output that are its own rounding, an addition's or two's, and no stair of something on the way."""

MORE_LOOKS = 64
"""Entries that are measured again once one of the first has been acquitted."""

# The complex step.

COMPLEX_STEP = 1e-30
"""Relative: its square vanishes beside 1 in any precision, and itself is far from underflow."""

COMPLEX_ROUNDING = 64.0
"""ε times this covers the rounding of a forward pass in complex arithmetic, where a product is four."""

COMPLEX_AGREES = 1e-6
"""A complex step that is not analytic loses a term; differences tell that to far more than this."""
