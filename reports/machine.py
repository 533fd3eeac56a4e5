"""When figures were made, and with which libraries."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version


def now() -> str:
    """Date and time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def version_of(distribution: str) -> str:
    """The release that is installed; empty if none is."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """The releases of those that are installed."""
    return {name: found for name in distributions if (found := version_of(name))}
