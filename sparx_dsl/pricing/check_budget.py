"""What a backbone is held to: the caller's limits, which no spec can change, and the budget in its own spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.pricing.cost_rows import Cost, CostRow, cost, price_schedule
from sparx_dsl.pricing.totals_by_stage import prices
from sparx_dsl.reader.quantities import show_quantity, write_quantity
from sparx_dsl.schedule import Schedule

COUNTED = {"params": "parameters", "macs": "MACs", "peak": "bytes of feature buffers"}
"""The keys of a budget, and what a message calls their amounts."""


def check_prices(priced: Schedule | Cost) -> Cost:
    """The price of a schedule, or the price that is given, once it was found to be within what is allowed.

    What is allowed are parameters, and bytes of feature buffers; a budget may also have MACs. Raises ``SparxError`` for
    a backbone beyond the limits (SPX402, SPX403) or the budget of its spec (SPX405). Limits are asked of the schedule:
    its size, batch, dtype and outputs. The budget is asked of the whole backbone at the spec's own size, a batch of one
    and float32.
    """
    price = priced if isinstance(priced, Cost) else price_schedule(priced)
    errors = (*_beyond(price), *over_budget(price.schedule.graph.spec))
    if errors:
        raise SparxError(errors)
    return price


def over_budget(spec: Spec) -> Iterator[Diagnostic]:
    """What a spec's budget is exceeded by, each at its place; nothing where it is kept, or where there is none."""
    most = {"params": spec.budget.params, "macs": spec.budget.macs, "peak": spec.budget.peak}
    if most == dict.fromkeys(most):
        return
    totals = prices(spec)
    found = {"params": totals.params, "macs": totals.macs, "peak": totals.peak_bytes}
    for measure, amount in most.items():
        if amount is not None and found[measure] > amount:
            yield _over(spec, measure, found[measure], amount)


def _over(spec: Spec, measure: str, found: int, most: int) -> Diagnostic:
    budget = write_quantity(most, of_bytes=measure == "peak")
    message = f"{found:,} {COUNTED[measure]} are {_excess(found, most, measure)} over the budget of {budget}"
    narrower = "build narrower or fewer layers"
    advice = {"params": narrower, "macs": f"{narrower}, or for smaller images", "peak": f"{narrower}, or read fewer"}
    price = cost(spec)
    note = _at_peak(price.schedule) if measure == "peak" else _costliest(price, measure)
    return Diagnostic(
        Code.OVER_BUDGET, message, spec.where("budget", measure), (note,), f"{advice[measure]}; or raise it"
    )


def _excess(found: int, most: int, measure: str) -> str:
    """By how much too much, and in parts of the budget while that says something."""
    excess = show_quantity(found - most, of_bytes=measure == "peak")
    return f"{excess} ({(found - most) / most:.1%})" if found < 10 * most else excess


def _at_peak(schedule: Schedule) -> str:
    """The step at which the peak is reached, and the largest of what is held there."""
    held = schedule.lives[schedule.live_bytes.index(schedule.peak_bytes)]
    largest = max(held, key=lambda name: schedule.buffers[name].bytes)
    shown = show_quantity(schedule.buffers[largest].bytes, of_bytes=True)
    return f"the peak is at {schedule.peak_step.output}, where {largest} is the largest of {len(held)} with {shown}"


def _costliest(price: Cost, measure: str) -> str:
    """Which stage and which node cost most."""

    def amount(row: CostRow) -> int:
        return row.params if measure == "params" else row.macs

    nodes = [price.of_node(name) for name in dict.fromkeys(row.node for row in price.rows)]
    stages = [price.of_stage(stage) for stage in dict.fromkeys(row.stage for row in price.rows)]
    node, stage, whole = max(nodes, key=amount), max(stages, key=amount), sum(map(amount, price.rows))
    most = f"{_share(amount, stage, whole)} are in stage {stage.stage}"
    return f"{most}; {node.node} alone has {_share(amount, node, whole)}"


def _share(amount: Callable[[CostRow], int], row: CostRow, whole: int) -> str:
    return f"{show_quantity(amount(row), of_bytes=False)} ({amount(row) / max(whole, 1):.0%})"


def _beyond(price: Cost) -> Iterator[Diagnostic]:
    spec = price.schedule.graph.spec
    limits = spec.limits
    if price.params > limits.params:
        largest = max(price.rows, key=lambda row: row.params)
        yield Diagnostic(
            Code.TOO_MANY_PARAMETERS,
            f"{price.params:,} parameters are more than the limit of {limits.params:,}",
            spec.where("stages", key=True),
            notes=(f"the largest part is {largest.node}.{largest.part} with {largest.params:,}",),
            help="build narrower or fewer layers, or raise Limits(params=…) in the call",
        )
    if price.peak_bytes > limits.buffer_bytes:
        yield Diagnostic(
            Code.TOO_MANY_BYTES,
            f"{price.peak_bytes:,} bytes of feature buffers are more than the limit of {limits.buffer_bytes:,}",
            spec.where("input", "size"),
            notes=(f"the peak is at {price.schedule.peak_step.output}",),
            help="plan for smaller images, or raise Limits(buffer_bytes=…) in the call",
        )
