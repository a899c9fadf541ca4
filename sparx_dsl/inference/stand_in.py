"""Modules that take over what another module has."""

from __future__ import annotations

from torch import nn


class StandIn(nn.Module):
    """What a module adds that is made of another: its parameters, submodules, hooks and settings, none of them copied.

    It stands first among the bases, so that nothing is made or drawn that would only be replaced.
    """

    def __init__(self, module: nn.Module) -> None:
        nn.Module.__init__(self)
        vars(self).update(vars(module))
