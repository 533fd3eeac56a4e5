"""The shell of a page: everything in one file, nothing fetched, nothing run."""

from __future__ import annotations

from html import escape
from pathlib import Path

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with a page of ours: show it. No script, no request."""


def page(title: str, body: str) -> str:
    """A whole page in HTML.

    Args:
        title: as text; it is escaped here.
        body: HTML, whose parts are escaped where they were made.
    """
    style = (Path(__file__).parent / "style.css").read_text("utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def section(heading: str, *parts: str) -> str:
    """A section with its heading; nothing where there is nothing in it."""
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(heading)}</h2>\n{inside}\n</section>" if inside else ""


def folded(summary: str, inside: str) -> str:
    """What is there for whoever opens it."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n{inside}\n</details>"
