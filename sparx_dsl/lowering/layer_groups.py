"""Which parts of a backbone lie how deep: what learns at one rate, and what tools group together."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sparx_dsl.language.spec import Spec


def layer_groups(spec: Spec) -> Mapping[str, tuple[str, ...]]:
    """The paths of the parts of each depth, by the name of the layer, ``stem`` first and ``head`` last.

    A downsampling lies as deep as the first layer of its stage.
    """
    groups: dict[str, tuple[str, ...]] = {"stem": ("stem",)}
    for stage in spec.resolved:
        first, *others = (stage.layer_name(number) for number in range(1, len(stage.layers) + 1))
        groups[first] = (stage.opening_name, first) if stage.position > 1 and stage.is_opened else (first,)
        groups |= {layer: (layer,) for layer in others}
    return {**groups, "head": ("head",)}


def group_patterns(spec: Spec, *, coarse: bool) -> dict[str, str]:
    """For each depth, or each stage, the pattern of its parameters' names, from the stem to the head.

    timm numbers the groups in this order, and takes what no pattern matches for the last.
    """
    groups = layer_groups(spec)
    if coarse:
        groups = {name.partition(".")[0]: (name.partition(".")[0],) for name in groups}
    return {name: rf"^(?:{'|'.join(map(re.escape, paths))})\." for name, paths in groups.items()}
