"""The page around the sections: templates with every text escaped, and a policy that lets a browser load nothing.

Style and script stand in the page, which names their digests: no other style or script has an effect, whatever a name
or a description in it says.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import os
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sparx_dsl.errors import Code, Diagnostic, SparxError, quoted
from sparx_dsl.errors.escape import visible
from sparx_dsl.render import Listing, write_text
from sparx_dsl.render.listing import Field, Line, Table
from sparx_dsl.render.units import binary_bytes, exact_bytes, exact_count, share

PACKAGE = "sparx_dsl.html_report"
EXTENSIONS = (".html", ".htm")
FIELDS = (Field("path", "File"), Field("about", "About"), Field("bytes", "Bytes", number=True))


def render_page(template: str, title: str, values: dict[str, object]) -> str:
    """A whole page: a template of this package within the common frame, which shows ``values``."""
    style, script = _file("page.css"), _file("page.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    # Both are files of this package.
    parts = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    made = _templates().get_template(template).render(**values, **parts, title=title, policy=policy)
    # What a page cannot hold, and what hides or turns the text around it; each can only come from a user's text.
    return visible(made, "\n\t")


def write_page(path: str | os.PathLike[str], text: str) -> None:
    """Write a page, complete or not at all; raises ``SparxError``: SPX580 for another extension, SPX502."""
    target = Path(path)
    if target.suffix.lower() not in EXTENSIONS:
        message = f"{quoted(target.name)} has an unsupported file extension for a report"
        advice = f"a report is a page; write {quoted(target.with_suffix(EXTENSIONS[0]).name or 'report.html')}"
        raise SparxError(Diagnostic(Code.INVALID_REPORT, message, help=advice))
    write_text(target, text)


def written_report(path: str | os.PathLike[str], about: Sequence[str]) -> Listing:
    """That a page was written, of how many bytes, and which backbones or search space it is about."""
    target = Path(path)
    count = target.stat().st_size
    table = Table("files", FIELDS, ((str(target), tuple(about), count),))
    said = Line(f"{target}: {' against '.join(about)}, {exact_bytes(count)}")
    return Listing("sparx.report", {}, (table,), (said,))


@functools.cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    own = {
        "bytes": binary_bytes,
        "exact_bytes": exact_bytes,
        "count": exact_count,
        "exact": exact,
        "signed": signed,
        "share": share,
    }
    # Jinja types the dictionary by the filters that it brings itself.
    found.filters.update(own)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return found


def exact(count: int) -> str:
    """An integer with its thousands apart: ``27,148,360``."""
    return f"{count:,}"


def signed(count: int) -> str:
    """A difference with its sign: ``+1,024``, ``−12``; ``0`` has none."""
    return f"{'+' if count > 0 else '−' if count < 0 else ''}{abs(count):,}"


def _digest(text: str) -> str:
    """The digest of a style or a script as a Content-Security-Policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _file(name: str) -> str:
    return importlib.resources.files(PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")
