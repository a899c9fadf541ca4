"""A kind: everything that the project knows of one stem, downsampling, mixer, fusion, FFN or head.

Each facet is optional and lazy. It is named as ``module:name`` and imported when it is first needed, so that a spec is
read, drawn and priced without torch; or it is given as the object itself, which suits notebooks. The names come from
this package, from installed packages and from calls of ``register``, never from a spec.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Final, cast

from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import ROLES, Role

Facet = str | object
"""``module:name``, or what that would name."""

PACKAGE: Final = "sparx_dsl"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
OPTIONAL: Final[tuple[Role, ...]] = ("downsample", "ffn", "head")
"""The roles of which a kind can stand for "nothing here"."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of a role, and where each of its facets is found.

    Raises ``ValueError`` for an unknown role, an invalid name, or a module that is missing.
    """

    role: Role
    name: str
    """What a spec writes as ``kind``."""
    options: type[KindOptions] | str
    """The class of its options: what a spec can set."""
    module: Facet | None = None
    """Called as ``module(options, site, device=…, dtype=…)``; gives a ``torch.nn.Module``.

    None for the kinds that stand for "nothing here": no step runs for them, and nothing is built or priced.
    """
    cost: Facet | None = None
    """Called as ``cost(options, site, tape, *inputs)``: the module's forward pass, recorded on a ``pricing.tape.Tape``.

    It gives the fake tensor that the module would return.
    """
    numbered: bool = True
    """Whether its cost, or its options' problems, may depend on the layer's number; where not, layers share them."""
    one_size: bool = False
    """Whether what its module computes, windows for one, depends on its map's size so much that a program which is
    exported serves one size alone."""
    title: str = ""
    """What pictures and tables call it; by default the name, with spaces for underscores."""
    short_title: str = ""
    """The same in at most eight characters, for the boxes of a picture; by default the title, cut off."""
    inference: Facet | None = None
    """An ``inference.deployment.Deployment``: what may be assumed of its modules, and put in their place.

    Without it, deployment leaves them as they are.
    """
    checkpoint: Facet | None = None
    """A ``kinds.checkpoint.KindCheckpoint``: its names in released checkpoints, what its weights are adapted to."""
    feature_axes: Facet | None = None
    """For a fusion, a ``kinds.fusions.feature_axes.FeatureAxes``: which of its values belong to which feature."""
    diagram: Facet | None = None
    """For a fusion, called as ``diagram(options, site)``: the ``language.flow.Flow`` inside it, for pictures."""
    codes: Facet | None = None
    """A tuple of ``errors.CodeEntry``: the codes of the problems of its options, explained."""
    owner: str = ""
    """The package that defines it, as messages call it; by default the one that offers it, or this process."""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"unknown role {self.role!r} for a kind; write one of {', '.join(ROLES)}")
        if not NAME.fullmatch(self.name):
            rule = "write lower-case letters, digits and underscores, a letter first"
            raise ValueError(f"{self.name!r} is not a valid name of a kind; {rule}")
        if self.module is None and self.role not in OPTIONAL:
            raise ValueError(f"{self} has no module, and only kinds of {' and '.join(OPTIONAL)} can do without")
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " "))
        if not self.short_title:
            object.__setattr__(self, "short_title", self.title if len(self.title) <= 8 else f"{self.title[:7]}…")

    @property
    def runs(self) -> bool:
        """Whether there is anything to run: false for the kinds named ``none``."""
        return self.module is not None

    @property
    def builtin(self) -> bool:
        """Whether it is one of this package's own, whose facets are trusted to do what they should."""
        return self.owner == PACKAGE

    def load_options(self) -> type[KindOptions]:
        """The class of the options."""
        return cast("type[KindOptions]", load(self.options))

    def __str__(self) -> str:
        return f"the {self.role} kind {self.name!r} of {self.owner or 'this process'}"


def load(facet: Facet | None) -> Any:
    """What a facet names, imported; the facet itself where it is no name. None stays None.

    Raises ``ImportError``, ``AttributeError`` or ``ValueError`` where the name leads nowhere, and whatever the import
    raises.
    """
    if not isinstance(facet, str):
        return facet
    module, colon, name = facet.partition(":")
    if not colon:
        raise ValueError(f"{facet!r} does not name an object; write package.module:name")
    return getattr(importlib.import_module(module), name)


def is_found(facet: Facet | None) -> bool:
    """Whether the module that a facet names is there; neither it nor a package around it is run to find out."""
    if not isinstance(facet, str):
        return True
    module, colon, _ = facet.partition(":")
    return bool(colon) and (module in sys.modules or _found(module) is not None)


def _found(module: str) -> ModuleSpec | None:
    """Where the file of a module is, or None; ``importlib.util.find_spec`` would import the packages around it."""
    package = module.rpartition(".")[0]
    if not package:
        try:
            return importlib.util.find_spec(module)
        except ValueError:  # no name at all, or a module that was made by hand
            return None
    around = _found(package)
    places = None if around is None else around.submodule_search_locations
    return None if places is None else PathFinder.find_spec(module, places)
