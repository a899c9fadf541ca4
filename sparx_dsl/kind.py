"""A kind: everything that the project knows of one stem, downsampling, mixer, fusion, FFN or head.

Each facet is optional and lazy. It is named as ``module:name`` and imported when it is first needed, so that a spec is
read, drawn and priced without torch; or it is given as the object itself, which suits notebooks. The names come from
this package, from installed packages and from calls of ``register``, never from a spec.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, cast

from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import Role

Facet = str | object
"""``module:name``, or what that would name."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of a role, and where each of its facets is found."""

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
    """Called as ``cost(options, site, tape, *inputs)``: the module's forward pass, told to a ``pricing.tape.Tape``.

    It gives the fake tensor that the module would return.
    """
    numbered: bool = True
    """Whether its cost, or its options' problems, may depend on the layer's number; where not, layers share them."""
    title: str = ""
    """What pictures and tables call it; by default the name, with spaces for underscores."""
    short_title: str = ""
    """The same in at most eight characters, for the boxes of a picture; by default the title, cut off."""
    inference: Facet | None = None
    """A tuple of ``inference.deployable.Deployable``: what deployment may assume of its modules and put in their place.

    Without it, deployment leaves them as they are.
    """
    checkpoint: Facet | None = None
    """A ``kinds.checkpoint.KindCheckpoint``: its names in released checkpoints, what its weights are adapted to."""
    feature_axes: Facet | None = None
    """For a fusion, a ``kinds.fusions.feature_axes.FeatureAxes``: which of its values belong to which feature."""
    codes: Facet | None = None
    """A tuple of ``errors.CodeEntry``: what the codes mean with which its options complain."""
    owner: str = "sparx_dsl"
    """The package that defines it."""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " "))
        if not self.short_title:
            object.__setattr__(self, "short_title", self.title if len(self.title) <= 8 else f"{self.title[:7]}…")

    @property
    def runs(self) -> bool:
        """Whether there is anything to run: false for the kinds named ``none``."""
        return self.module is not None

    def load_options(self) -> type[KindOptions]:
        """The class of the options."""
        return cast("type[KindOptions]", load(self.options))

    def __str__(self) -> str:
        return f"the {self.role} kind {self.name!r} of {self.owner}"


def load(facet: Facet | None) -> Any:
    """What a facet names, imported; the facet itself where it is no name. None stays None.

    Raises ``ImportError`` or ``AttributeError`` where the name leads nowhere, and whatever the import raises.
    """
    if not isinstance(facet, str):
        return facet
    module, _, name = facet.partition(":")
    return getattr(importlib.import_module(module), name)
