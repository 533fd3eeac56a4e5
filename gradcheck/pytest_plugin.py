"""What pytest gains: a fixture with the calls of this package, and a summary of all gradients checked.

Every report that a test gets, from the fixture or from `gradcheck.check` and the calls beside it, is
noted among the test's properties. They travel with the test's result, so that the summary works with
xdist too, and JUnit's file holds them.
"""

from __future__ import annotations

import inspect
import reprlib
import zlib
from collections.abc import Callable, Generator, Iterator
from functools import partial, update_wrapper, wraps
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import pytest

import gradcheck as package
from gradcheck.render import printable

PREFIX = "gradcheck "
"""What the properties of a test that hold gradients begin with."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--gradcheck-summary`."""
    parser.getgroup("gradcheck").addoption(
        "--gradcheck-summary",
        choices=("none", "fail", "all"),
        default="fail",
        help="list the gradients that were checked: none; those that did not pass in tests that failed "
        "(default); all",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Listen at the front door, where tests come in; what goes on behind it is nobody's report."""
    config.pluginmanager.register(_Listener(), "gradcheck_listener")


class Calls:
    """The calls of this package, with the seed of the test unless one is given; called itself it is `check`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, layer: Callable[..., Any], *inputs: Any, **named: Any) -> package.Report:
        """`check(layer, *inputs)`."""
        __tracebackhide__ = True
        report: package.Report = self.check(layer, *inputs, **named)
        return report

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        call = getattr(package, name)
        checks = name.startswith(("check", "assert")) and name != "check_many"
        return partial(call, seed=self.seed) if checks and _takes_seed(call) else call


def _takes_seed(call: Callable[..., Any]) -> bool:
    takes = inspect.signature(call).parameters
    return "seed" in takes or any(p.kind is p.VAR_KEYWORD for p in takes.values())


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Calls:
    """`gradcheck(layer, x)`, `gradcheck.check_pair(…)` and the other calls, with a seed of the test's own."""
    return Calls(zlib.crc32(request.node.nodeid.encode()))


class _Heard:
    """A call whose reports are noted; sent to another process it is the call itself."""

    def __init__(self, call: Callable[..., Any], note: Callable[[Any], None]) -> None:
        update_wrapper(self, call)
        self._call, self._note = call, note

    def __call__(self, *args: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        try:
            result = self._call(*args, **named)
        except (TypeError, ValueError) as wrong:
            # What is at fault is the call, which stands in the test, or what it calls.
            raise wrong.with_traceback(_theirs(wrong.__traceback__)) from wrong.__cause__
        for report in result if isinstance(result, list) else [result]:
            self._note(report)
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._call,)


HOUSE = Path(package.__file__).parent


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package."""
    if trace is None:
        return None
    rest, frame = _theirs(trace.tb_next), trace.tb_frame
    if Path(frame.f_code.co_filename).is_relative_to(HOUSE):
        return rest
    return TracebackType(rest, frame, trace.tb_lasti, trace.tb_lineno)


def _itself(call: Callable[..., Any]) -> Callable[..., Any]:
    return call


class _Listener:
    """Notes the reports of the test that is running."""

    def __init__(self) -> None:
        self.item: pytest.Item | None = None
        self.heard: list[package.Report] = []
        self.kept: dict[str, Any] = {}
        self.shown: Callable[..., str] | None = None

    def pytest_sessionstart(self) -> None:
        """Put a listening call in the place of each."""
        for name in package.__all__:
            call = getattr(package, name)
            # A session within another's test, `pytester` has such, listens to what that one hears.
            heard = inspect.isfunction(call) or isinstance(call, _Heard)
            if heard and name.startswith(("check", "assert")):
                self.kept[name] = call
                setattr(package, name, _Heard(call, self._note))
        setattr(package, "assert_gradients", _asserting(package.check))  # noqa: B010
        # What pytest shows of a value goes through here; the table is shown below it, whole and once.
        self.shown = vars(reprlib.Repr).get("repr_Report")
        setattr(reprlib.Repr, "repr_Report", _in_short)  # noqa: B010

    def pytest_unconfigure(self) -> None:
        """Put the calls back."""
        for name, call in self.kept.items():
            setattr(package, name, call)
        if self.kept and self.shown is None:
            delattr(reprlib.Repr, "repr_Report")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Under an assertion about a report its table, once."""
        result = yield
        said = "" if call.excinfo is None else str(call.excinfo.value)
        for report in self.heard:
            if _named(report) in said and not report.passed:
                result.sections.append(("gradcheck", str(report)))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Know which test is running."""
        self.item = item
        try:
            return (yield)
        finally:
            self.item = None
            self.heard.clear()

    def _note(self, report: Any) -> None:
        """Note the rows of a report; whatever goes wrong here is no failure of the test."""
        try:
            if self.item is not None and isinstance(report, package.Report):
                self.heard.append(report)
                self.item.user_properties += properties_of(report)
        except Exception as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if self.item is not None:
            self.item.add_report_section("call", "gradcheck", f"summary left out: {error!r}")


def _in_short(shows: reprlib.Repr, value: Any, level: int) -> str:
    """How a report is called in an explanation of pytest's; another's `Report` is shown as ever."""
    return _named(value) if isinstance(value, package.Report) else shows.repr_instance(value, level)


def _named(report: package.Report) -> str:
    return f"<Report {printable(report.title)}: {report.verdict}>"


def _asserting(check: Callable[..., Any]) -> Callable[..., Any]:
    """`assert_gradients` by a check that is listened to."""

    @wraps(package.assert_gradients)
    def asserting(*args: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        report = check(*args, **named)
        if not report.passed:
            raise AssertionError(str(report))
        return report

    return asserting


def properties_of(report: package.Report) -> list[tuple[str, object]]:
    """A line for each gradient of a report, or one for a report without any."""
    rows: list[tuple[str, object]] = [
        (
            f"{PREFIX}{report.name} d{row.name}",
            f"{row.verdict} error {row.relative_error:.1e} resolution {row.resolution:.1e}",
        )
        for row in report.rows
    ]
    findings = [finding for finding in report.findings if finding.fails]
    if findings or not rows:
        text = "; ".join(finding.code for finding in findings) or "no gradient"
        rows.append((f"{PREFIX}{report.name}", f"{report.verdict} {text}"))
    return rows


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The gradients that the tests have checked."""
    wanted = config.getoption("--gradcheck-summary")
    try:
        noted = list(_noted(terminalreporter))
    except Exception as error:
        terminalreporter.write_line(f"gradcheck: no summary ({error!r})")
        return
    shown = list(filter(SHOWN[wanted], noted))
    if not shown:
        return
    passed = sum(one.passed for one in noted)
    terminalreporter.section(f"gradients: {passed} of {len(noted)} passed")
    for one in shown:
        terminalreporter.write_line(f"{one.gradient}: {one.verdict}  ({one.test})")


class _Noted(NamedTuple):
    """A gradient that a test has checked, and whether that test failed."""

    test: str
    failed: bool
    gradient: str
    verdict: str

    @property
    def passed(self) -> bool:
        return self.verdict.startswith("PASS")


SHOWN: dict[str, Callable[[_Noted], bool]] = {
    "none": lambda one: False,
    "fail": lambda one: one.failed and not one.passed,
    "all": lambda one: True,
}
"""Which gradients a summary lists."""


def _noted(terminalreporter: pytest.TerminalReporter) -> Iterator[_Noted]:
    """From the results of all tests, in whatever process they ran."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            # The phases of a test hand on the same properties; those of its call are enough.
            if getattr(report, "when", None) != "call":
                continue
            for name, value in report.user_properties:
                if str(name).startswith(PREFIX):
                    gradient = str(name).removeprefix(PREFIX)
                    yield _Noted(report.nodeid, report.failed, gradient, str(value))
