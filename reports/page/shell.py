"""The shell of a page: everything in one file, nothing fetched, no script but one named by its hash."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with a page of ours: show it. No request, and no script but one named by its hash."""


def page(title: str, body: str, script: str = "", style: str = "") -> str:
    """A whole page in HTML; the title is escaped here, the parts of the body where they were made.

    The page's policy lets this very script run, for comfort alone, and no other.
    """
    policy = f"{POLICY}; script-src 'sha256-{_hash(script)}'" if script else POLICY
    run = f"<script>{script}</script>\n" if script else ""
    style = (Path(__file__).parent / "style.css").read_text("utf-8") + style
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
{body}
{run}</body>
</html>
"""


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def section(heading: str, *parts: str) -> str:
    """A section with its heading; nothing where there is nothing in it."""
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(heading)}</h2>\n{inside}\n</section>" if inside else ""


def caption(text: str) -> str:
    """What a table shows, said above it."""
    return f"<caption>{escape(text)}</caption>"


def folded(summary: str, inside: str, *, opened: bool = False) -> str:
    """What is there for whoever opens it."""
    return f"<details{' open' if opened else ''}>\n<summary>{escape(summary)}</summary>\n{inside}\n</details>"
