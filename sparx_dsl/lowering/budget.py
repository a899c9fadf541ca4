"""Training within a budget of bytes: what parts save, what is chosen, and the backbone that keeps to it."""

from __future__ import annotations

from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.lowering.backbone import Backbone, refuse_exchanged
from sparx_dsl.lowering.build import dtype_name
from sparx_dsl.lowering.kind_saved import compare_saved
from sparx_dsl.lowering.wrapped import refuse_wrapped
from sparx_dsl.nn.stage import recomputing
from sparx_dsl.pricing import SavedPart, saved_parts
from sparx_dsl.pricing.recompute_choice import choose_recomputed, least_budget, recomputing_costs, whole_budget
from sparx_dsl.reader.quantities import read_quantity, show_quantity
from sparx_dsl.schedule import Schedule, plan


def recompute_within(
    model: nn.Module, budget: int | str, batch: int = 1, size: tuple[int, int] | None = None
) -> Backbone:
    """The same backbone, of the same parameters, that saves at most ``budget`` bytes for the backward pass.

    ``budget`` is a number of bytes or an amount such as ``"2GiB"``; ``batch`` and ``size`` (height, width; by default
    the spec's) are those of the images. Parts whose inner tensors have no room are run again in the backward pass, the
    cheapest set of them; gradients, drawn numbers and running statistics stay the same, bit for bit. Feature buffers,
    the images and one part's inner tensors count, as they are saved on a CPU; weights, gradients and what a part needs
    while it runs do not. Raises ``SparxError`` for a budget that cannot be kept (SPX325), for a model whose layers were
    exchanged (SPX324), for one within a wrapper (SPX328), and for a kind that is gone, does not say what it saves, or
    saves more than it says (SPX407, SPX412, SPX415).
    """
    backbone = refuse_wrapped(model, "trained within a budget")
    refuse_exchanged(backbone, "trained within a budget")
    amount = read_quantity(budget, of_bytes=True)
    schedule = _planned(backbone, batch, size)
    parts = saved_parts(schedule)
    compare_saved(backbone, schedule, parts)
    chosen = None if amount is None else choose_recomputed(parts, recomputing_costs(schedule, parts), amount)
    if chosen is None:
        raise SparxError(_refused(budget, amount, parts, schedule))
    return recomputing(backbone, frozenset(chosen))


def _planned(model: Backbone, batch: int, size: tuple[int, int] | None) -> Schedule:
    """The schedule of a backbone for images of that size, in the dtype of its parameters."""
    dtype = dtype_name(next(model.parameters()).dtype)
    return plan(model.schedule.graph, size, batch, dtype, model.schedule.features)


def _refused(budget: int | str, amount: int | None, parts: tuple[SavedPart, ...], schedule: Schedule) -> Diagnostic:
    height, width = schedule.size
    images = f"a batch of {schedule.batch} images of {height}×{width} pixels"
    if amount is None:
        return Diagnostic(
            Code.INVALID_ACTIVATION_BUDGET,
            f"{budget!r} is not an amount of bytes",
            help='write a number, or such as "512MiB"',
        )
    least, whole = least_budget(parts), whole_budget(parts)
    return Diagnostic(
        Code.INVALID_ACTIVATION_BUDGET,
        f"training on {images} saves at least {least:,} bytes, more than the budget of {amount:,}",
        notes=(f"without recomputing it saves {show_quantity(whole, of_bytes=True)}",),
        help=f"give it a budget of at least {least}, or smaller batches or images",
    )


def activation_bytes(model: Backbone, batch: int = 1, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """The least and the whole bytes that training of a backbone saves: with everything recomputed, and with nothing."""
    parts = saved_parts(_planned(model, batch, size))
    return least_budget(parts), whole_budget(parts)
