"""What ``pip install sparx_dsl`` brings along may be used and passed on as this project may be: a list of licences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

ALLOWED = re.compile(
    r"(apache|0?bsd|new bsd|mit|isc|zlib|cc0|boost|bsl-1|psf|python software foundation|mpl[ -]2|mozilla|unlicense)",
    re.IGNORECASE,
)
"""How the licences begin that may come along: permissive ones, and MPL 2.0, which binds its own files alone."""


def needed(name: str, seen: dict[str, Distribution]) -> None:
    """Gather the installed packages that a package needs without its extras, itself included, by name."""
    try:
        found = distribution(name)
    except PackageNotFoundError:  # of another platform
        return
    seen[name] = found
    for line in found.requires or ():
        one = Requirement(line)
        key = one.name.lower().replace("_", "-")
        if key not in seen and (one.marker is None or one.marker.evaluate({"extra": ""})):
            needed(key, seen)


def licences_of(package: Distribution) -> Iterator[str]:
    """The licences that a package names: its expression, or its classifiers, or the first line of its text."""
    data = package.metadata
    for expression in data.get_all("License-Expression", []):
        yield from re.split(r"\s+(?:AND|OR)\s+", expression.replace("(", "").replace(")", ""))
        return
    classified = [line.rpartition(" :: ")[2] for line in data.get_all("Classifier", []) if line.startswith("License")]
    yield from [one for one in classified if one != "OSI Approved"] or [
        one.partition("\n")[0] for one in data.get_all("License", ["none"])
    ]


def test_every_package_that_comes_along_has_a_licence_of_the_list() -> None:
    """Each licence that a package names; a package that names several has all of them."""
    found: dict[str, Distribution] = {}
    needed("sparx-dsl", found)
    assert {"torch", "pydantic", "networkx", "safetensors", "typer"} <= found.keys()
    named = {name: list(licences_of(package)) for name, package in found.items()}
    assert {name: all_ for name, all_ in named.items() if not all(map(ALLOWED.match, all_))} == {}


def test_another_licence_is_found() -> None:
    """The list lets through neither a copyleft licence nor one without a name."""
    assert not any(ALLOWED.match(name) for name in ("GPL-3.0-only", "GNU Affero General Public License v3", "none", ""))
