"""The forward pass of a kind's module, recorded on a tape by the kind's own ``cost``: without one nothing is priced."""

from __future__ import annotations

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text
from sparx_dsl.kind import Kind, is_found, load
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.kind_options import fault_of
from sparx_dsl.language.roles import Role
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape
from sparx_dsl.registry import default_registry


class KindCostError(Exception):
    """A kind whose cost cannot be recorded; ``at`` says where it stands."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help

    def at(self, node: str) -> SparxError:
        """The same as a diagnostic that names the node."""
        return SparxError(Diagnostic(self.code, f"{self.message}, at {node}", help=self.help))


def record_kind(
    role: Role, options: KindOptions, site: Site, tape: Tape, *inputs: FakeTensor, shape: tuple[int, ...]
) -> FakeTensor:
    """Record the forward pass of the module of these options' kind; returns the fake tensor of its result.

    The inputs are of any shape, ``shape`` is the result's. Raises ``KindCostError`` for a kind without a cost (SPX406)
    or whose module is not there (SPX409), and for a cost that fails, returns no fake tensor or one of another shape,
    counts below zero, or does not say what is saved where that is asked (SPX407).
    """
    kind = default_registry().of(role, options)
    if kind.cost is None:
        raise KindCostError(Code.KIND_WITHOUT_COST, f"{kind} has no cost", "name one in Kind(cost='module:function')")
    if not kind.builtin and not is_found(kind.module):
        help = f"name it as package.module:function; {fault_of(kind)}"
        raise KindCostError(Code.INVALID_KIND_MODULE, f"the module of {kind} was not found: {kind.module}", help)
    before, calls = (tape.params, tape.macs, tape.saved_bytes), tape.save_calls
    result = _record(kind, options, site, tape, inputs)
    if not isinstance(result, FakeTensor) or result.shape != shape:
        found = f"the shape {result.shape}" if isinstance(result, FakeTensor) else type(result).__name__
        help = "return the FakeTensor of the module's result"
        raise KindCostError(Code.INVALID_KIND_COST, f"the cost of {kind} returns {found}, not the shape {shape}", help)
    for least, amount in zip(before, (tape.params, tape.macs, tape.saved_bytes), strict=True):
        if not isinstance(amount, int) or amount < least:  # pyright: ignore[reportUnnecessaryIsInstance]
            fault = "negative" if amount < least else "not an integer"
            raise KindCostError(Code.INVALID_KIND_COST, f"the cost of {kind} is {fault}", "count each operation once")
    silent = (tape.save_calls, tape.saved_bytes) == (calls, before[2])
    if tape.saves and silent and (tape.params, tape.macs) != before[:2]:
        help = "name it in tape.save(*tensors), or call tape.save() where it is nothing"
        raise KindCostError(Code.INVALID_KIND_COST, f"the cost of {kind} does not say what autograd saves of it", help)
    return result


def _record(kind: Kind, options: KindOptions, site: Site, tape: Tape, inputs: tuple[FakeTensor, ...]) -> object:
    if kind.builtin:
        return load(kind.cost)(options, site, tape, *inputs)
    try:
        return load(kind.cost)(options, site, tape, *inputs)
    except Exception as error:  # what another package raises becomes a diagnostic that names it
        message = f"the cost of {kind} fails with {exception_text(error)}"
        raise KindCostError(Code.INVALID_KIND_COST, message, fault_of(kind)) from error
