"""What a kind states about its modules for deployment: the facet ``Kind.inference``, a tuple of these values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module for inference will stand."""

    size: tuple[int, int]
    """The planned height and width of the map that the part is given."""
    may_overwrite: bool
    """Whether the module is given a map that nothing else reads, and may write over it."""


@dataclass(frozen=True, slots=True)
class Deployable:
    """What deployment may assume of the modules of one class, and what it puts in their place.

    It holds for that class alone, not for classes derived of it, and within the parts of the kind that states it. What
    is left out is not assumed. A kind with this facet, be it empty, also states that it treats every image by itself.
    Products are named by their paths within the module.
    """

    module: type[nn.Module]
    norm_reader: str = ""
    """The product over channels (a 1×1 convolution, or a linear layer) that alone reads what the ``norm`` gives."""
    input_reader: str = ""
    """The product over channels that alone reads what the module is given."""
    last_product: str = ""
    """The convolution that gives the module's result, a tensor that nothing else holds."""
    own_result: bool = False
    """Whether the result is a tensor that nothing else holds, whatever gives it; never an input, or a view of one."""
    replacement: Callable[[Any, Place], nn.Module] | None = None
    """Makes the module for inference of the one that is there: an ``InferenceModule``, or any other."""


class InferenceModule(nn.Module):
    """A module in the place of one for training, with the parameters, submodules, hooks and settings of that."""

    def __init__(self, module: nn.Module, place: Place) -> None:
        nn.Module.__init__(self)
        vars(self).update(vars(module))
        self.place = place
