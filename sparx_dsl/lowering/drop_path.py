"""Another rate of stochastic depth for a backbone that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import connect
from sparx_dsl.nn.layer import Residual
from sparx_dsl.nn.wrappers import path_without_wrappers
from sparx_dsl.schedule import Schedule, replanned


def with_drop_path(schedule: Schedule, rate: float) -> Schedule:
    """The schedule of the same backbone with another rate; raises ``SparxError`` for one outside [0, 1)."""
    if cast(object, rate) is None:  # an edit takes that for the removal of the key
        message = "the rate of stochastic depth must be a number, got None"
        raise SparxError(Diagnostic(Code.WRONG_TYPE, message, help="write 0.0 for none"))
    return replanned(schedule, connect(schedule.graph.spec.edit({"drop_path": rate})))


def set_rates(backbone: nn.Module, schedule: Schedule) -> None:
    """Set the rate of every part of a backbone that has one to that of its layer in the schedule, in place."""
    rates = {node.name: node.drop_path for node in schedule.graph.layers()}
    for path, module in cast("Iterator[tuple[str, nn.Module]]", backbone.named_modules()):
        layer = path_without_wrappers(path).rpartition(".")[0]
        if isinstance(module, Residual) and layer in rates:
            module.drop_path.rate = rates[layer]
