"""What torch counts in a forward pass of a built backbone, and what its counter does not see."""

from __future__ import annotations

import re
from typing import Any

import sparx_dsl

DIRECTIONS = {"ss2d": 4, "continuous_ss2d": 4, "ssm": 1, "bi_ssm": 2}
"""How many scans a mixer runs."""


def scanned_positions(mixer: Any, height: int, width: int) -> int:
    """How many positions the scans of a mixer read, all of them together."""
    if mixer.kind == "local_ss2d":
        sides = [int(digits[1]) if (digits := re.search(r"(\d+)", name)) else 1 for name in mixer.directions]
        longest = max(-(-height // side) * side * -(-width // side) * side for side in sides)
        return len(sides) * longest
    if mixer.kind == "atrous_ss2d":
        return mixer.step**2 * -(-height // mixer.step) * -(-width // mixer.step)
    return DIRECTIONS.get(mixer.kind, 0) * height * width


def scans_and_scales(schedule: sparx_dsl.Schedule) -> tuple[int, int]:
    """The MACs of scans, which are operations, and those of the scales on residual paths (one for each value)."""
    scans, scales = 0, 0
    for node in schedule.graph.layers():
        chosen = node.layer_settings
        height, width = node.map_size(schedule.size)
        mixer: Any = chosen.mixer
        scanned = scanned_positions(mixer, height, width)
        if scanned:
            scans += (9 * mixer.state + 1) * int(mixer.expand * node.channels) * scanned
        if chosen.layer_scale is not None and chosen.layer_scale_on == "residual":
            scales += node.channels * height * width * (2 if chosen.ffn.kind != "none" else 1)
    return scans, scales


def built(spec: sparx_dsl.Spec) -> Any:
    """The module on the meta device, ready to count."""
    return sparx_dsl.build(spec, device="meta").eval()


def counted(model: Any, images: tuple[int, ...]) -> int:
    """The operations that torch counts in one forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(images, device="meta"))
    return counter.get_total_flops()
