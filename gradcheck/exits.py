"""A layer that ends the program fails its check, and ends nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from traceback import extract_tb
from typing import ParamSpec, cast

from gradcheck.layer import Function, name_of
from gradcheck.meant import in_words
from gradcheck.result import Report, fault

P = ParamSpec("P")


def staying(check: Callable[P, Report]) -> Callable[P, Report]:
    """A way to check whose report says it, as of any other exception, where the user's code calls `sys.exit`.

    Passed on, it would end a test run or a script with the status that it asks for: 0 looks like success;
    GeneratorExit would end no more than whatever generator the caller is in, without a word.
    """

    @wraps(check)
    def stays(*args: P.args, **options: P.kwargs) -> Report:
        __tracebackhide__ = True
        try:
            return check(*args, **options)
        except (SystemExit, GeneratorExit) as left:
            name, seed = options.get("name"), options.get("seed")
            called = str(name or name_of(cast("Function", args[0])))
            line = extract_tb(left.__traceback__)[-1].lineno
            message = f"{called} raises {in_words(left)} while it is checked, line {line}."
            seed = seed if isinstance(seed, int) else 0
            return Report(called, (), (fault("raises", message),), seed)

    return stays
