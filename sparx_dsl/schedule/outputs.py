"""Which maps a backbone gives when it is asked for features: of stages, layers and the stem, and the head's result."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from numbers import Integral
from typing import TYPE_CHECKING, Final, Protocol, SupportsIndex, cast, runtime_checkable

from sparx_dsl.errors import Code, Diagnostic, did_you_mean, quoted
from sparx_dsl.language.resolve import stage_name
from sparx_dsl.registry import default_registry

if TYPE_CHECKING:
    from sparx_dsl.language.spec import Spec

Output = int | str
"""A stage by its number from 1, for the map of its last layer; else a node by its name."""
Features = Collection[SupportsIndex | str]
"""What may be asked for: stages by number from 1, or from -1 for the last, or by name; layers; ``stem``; ``head``.

Any collection that has an order, as sequences and arrays have one.
"""

STEM: Final = "stem"
HEAD: Final = "head"


@runtime_checkable
class _HoldsItem(Protocol):
    """A scalar of numpy, an array or a tensor."""

    def item(self) -> object:
        """The one value that it holds."""
        ...


def checked_outputs(spec: Spec, features: object) -> tuple[tuple[Output, ...] | None, list[Diagnostic]]:
    """The outputs that are asked for, in the order given, and what is wrong with them (SPX322); None for no features.

    The last layer of a stage stands for its stage, whichever of its names is written.
    """
    if features is None:
        return None, []
    wanted, known = as_sequence(features), _known(spec)
    if wanted is None:
        return None, [_error(spec, f"features must be a sequence, got {quoted(repr(features))}")]
    found = [_output(each, known) for each in wanted]
    errors = [_unknown(spec, each, known) for each, output in zip(wanted, found, strict=True) if output is None]
    outputs = tuple(output for output in found if output is not None)
    if not wanted:
        errors.append(_error(spec, "features must name at least one map, got none"))
    errors += [
        _error(spec, f"features name the map {output} more than once")
        for output in dict.fromkeys(outputs)
        if outputs.count(output) > 1
    ]
    return (None if errors else outputs), errors


def as_sequence(given: object) -> list[object] | None:
    """What a sequence or an array holds; None for anything else."""
    if not isinstance(given, Collection) or isinstance(given, str | bytes | Set | Mapping):
        return None
    try:
        return list(cast("Collection[object]", given))
    except TypeError:  # An array without dimensions has the methods of one with them.
        return None


def plain_value(given: object) -> object:
    """The number in a scalar of numpy, or in an array or a tensor of one number; anything else as it is given."""
    if not isinstance(given, _HoldsItem):
        return given
    try:
        return given.item()
    except (RuntimeError, ValueError):  # a tensor, or an array, of several values or of none
        return given


def _output(wanted: object, known: Mapping[Output, Output]) -> Output | None:
    wanted = plain_value(wanted)
    if isinstance(wanted, str):
        return known.get(wanted)
    if not isinstance(wanted, bool) and isinstance(wanted, Integral):
        return known.get(int(wanted))
    return None


def _known(spec: Spec) -> dict[Output, Output]:
    """Every way to write an output, and what it stands for."""
    found: dict[Output, Output] = {STEM: STEM}
    for number, stage in enumerate(spec.stages, start=1):
        name = stage_name(spec, number - 1)
        layers = [f"{name}.layer{layer}" for layer in range(1, stage.depth + 1)]
        found |= {layer: layer for layer in layers[:-1]}
        found |= dict.fromkeys((number, number - len(spec.stages) - 1, name, layers[-1]), number)
    if default_registry().of("head", spec.head).runs:
        found[HEAD] = HEAD
    return found


def _unknown(spec: Spec, wanted: object, known: Mapping[Output, Output]) -> Diagnostic:
    names = [each for each in known if isinstance(each, str)]
    hint = did_you_mean(wanted, names) if isinstance(wanted, str) else None
    return _error(spec, f"unknown feature {quoted(str(plain_value(wanted)))}", hint)


def _error(spec: Spec, message: str, hint: str | None = None) -> Diagnostic:
    stages = f"1 to {len(spec.stages)}, or -1 to -{len(spec.stages)} from the last"
    help = f"write stages by number ({stages}) or by name, layers such as {stage_name(spec, 0)}.layer1, stem or head"
    return Diagnostic(Code.INVALID_OUTPUT_STAGES, message, help=hint or help)


def output_nodes(spec: Spec, outputs: Sequence[Output]) -> Iterator[str]:
    """The names of the nodes that give these outputs."""
    for output in outputs:
        if isinstance(output, int):
            yield f"{stage_name(spec, output - 1)}.layer{spec.stages[output - 1].depth}"
        else:
            yield output
