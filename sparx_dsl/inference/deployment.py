"""What a kind states for deployment: the facet ``Kind.inference``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from sparx_dsl.inference.stand_in import StandIn


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module for inference will stand."""

    size: tuple[int, int]
    """The planned height and width of the map that the part is given."""
    may_overwrite: bool
    """Whether the module is given a map that nothing else reads, and may write over it."""


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """What deployment may assume of the modules of one class, and puts in their place; what is left out is not assumed.

    Products are named by their paths within the module. A product over channels is a linear layer, or a 1×1
    convolution: one that pads reads zeros that no norm has seen.
    """

    norm_reader: str = ""
    """The product over channels that alone reads what the module's ``norm`` gives."""
    input_reader: str = ""
    """The product over channels that alone reads what the module is given."""
    last_product: str = ""
    """The convolution that gives the module's result, a tensor that nothing else holds."""
    own_result: bool = False
    """Whether the result is a tensor that nothing else holds, whatever gives it; never an input, or a view of one."""
    replacement: Callable[[Any, Place], nn.Module] | None = None
    """Makes the module for inference from the one that is there: an ``InferenceModule``, or any other."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a kind states about the modules that its parts are made of: also that none of them mixes images."""

    modules: Mapping[type[nn.Module], ModuleFacts] = field(default_factory=dict[type[nn.Module], ModuleFacts])
    """By class; a class that is derived of one of these is another."""


IMAGES_APART = Deployment()
"""For kinds that state nothing but that."""


class InferenceModule(StandIn):
    """A module in the place of one for training."""

    def __init__(self, module: nn.Module, place: Place) -> None:
        super().__init__(module)
        self.place = place
