"""The arguments of backbones of mmengine, checked: outputs, frozen stages, names."""

from __future__ import annotations

from sparx_dsl import Code, Diagnostic, SparxError, Spec
from sparx_dsl.schedule import as_sequence, plain_value

OWN_NAMES = frozenset({"frozen_stages", "init_cfg", "init_weights", "is_init", "norm_eval", "pretrained"})
"""What a backbone of mmengine has of its own, so that no stage can have that name."""


def output_stages(out_indices: object, count: int) -> tuple[int, ...]:
    """The stages, from 1, that ``out_indices`` are, from 0; all where nothing is given.

    Raises ``SparxError`` (SPX560) for what are not some of ``count`` stages in rising order.
    """
    if out_indices is None:
        return tuple(range(1, count + 1))
    given = [*map(plain_value, as_sequence(out_indices) or ())]
    found = [index for index in given if isinstance(index, int) and not isinstance(index, bool)]
    if found and [*given] == found == sorted(set(found) & set(range(count))):
        return tuple(index + 1 for index in found)
    message = f"out_indices {out_indices!r} are not stages of a backbone of {count} stages"
    raise refused(message, f"write some of the numbers from 0 to {count - 1} in rising order, as in (0,)")


def frozen_count(frozen_stages: object, count: int) -> int:
    """How many stages are frozen behind the stem, -1 for nothing at all; raises ``SparxError`` (SPX560)."""
    if isinstance(frozen_stages, int) and not isinstance(frozen_stages, bool) and -1 <= frozen_stages <= count:
        return frozen_stages
    message = f"frozen_stages is {frozen_stages!r}, and the backbone runs {count} stages"
    raise refused(message, f"write -1 for nothing, 0 for the stem, or the number of the last stage, up to {count}")


def refuse_names(spec: Spec) -> None:
    """Raise ``SparxError`` (SPX560) for a stage that would hide what the backbone has of that name."""
    for stage in spec.resolved:
        if stage.name in OWN_NAMES:
            message = f"a backbone of mmengine has an attribute {stage.name}, so no stage can have that name"
            raise refused(message, "rename the stage")


def refused(message: str, help: str) -> SparxError:
    """The error for an argument that the backbone cannot follow."""
    return SparxError(Diagnostic(Code.INVALID_INTEGRATION_OPTION, message, help=help))
