"""The tasks of this repository: `nox` runs the first three, `nox -l` lists all."""

import nox

nox.options.sessions = ["lint", "tests", "docs"]
nox.options.reuse_existing_virtualenvs = True

PAGES = ("README.md", "examples/README.md", "docs/*.md")


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install("-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, those that are slow too; arguments after `--` go to pytest instead."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)
    if not session.posargs:
        session.run("pytest", "-m", "slow")


@nox.session
def docs(session: nox.Session) -> None:
    """The site, in build/site; a broken link is an error."""
    session.install("-e", ".[course,docs]")
    session.run("mkdocs", "build", "--strict", "--quiet")


@nox.session
def refresh(session: nox.Session) -> None:
    """Run every excerpt of the pages and write its output anew."""
    session.install("-e", ".[test]")
    session.run("bash", "-c", f"python tests/pages.py {' '.join(PAGES)}", external=True)


@nox.session
def coverage(session: nox.Session) -> None:
    """The branches that the quick tests take, of the checker and of what people look at; of the checker 95 %."""
    session.install("-e", ".[test]", "pytest-cov>=5", "coverage>=7.10")
    session.run(
        "pytest", "--cov", "--cov-context=test", "--cov-report=term:skip-covered", *session.posargs
    )
    session.run("coverage", "report", "--format=total", "--include=gradcheck/*", "--fail-under=95")


@nox.session
def mutation(session: nox.Session) -> None:
    """Random changes to the checker, which its tests should see; `-- --samples 60 --seed 1`."""
    session.install("-e", ".[test]", "cosmic-ray>=8.4", "coverage>=7.10")
    session.run("python", "tests/mutation.py", *session.posargs)


@nox.session
def trust(session: nox.Session) -> None:
    """What a PASS rests on, measured; arguments after `--` go to the benchmark, `--quick` say."""
    session.install("-e", ".[course]")
    session.run("gradcheck", "bench", "trust", "--jobs", "2", *session.posargs)
