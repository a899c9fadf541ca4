"""What the pictures of several fusions share: inputs, the selection of features, reduced projections, the mixing.

X is the layer's own map, Y1 … YL are the features, C × N the shape of each; r² is how many times fewer positions a
reduced map has.
"""

from __future__ import annotations

from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Operation, Wire

MAP = "C × N"


def inputs(site: Site, own: float, read: float) -> tuple[Operation, Operation]:
    """X and the concatenated features, in these columns."""
    features = f"Y1, …, Y{site.features}" if site.features > 1 else "Y1"
    return (
        Operation("x", "X", own, 0, "map", MAP),
        Operation("features", features, read, 0, "map", f"{site.features}C × N"),
    )


def selection(column: float) -> Operation:
    """How features are selected: by what stands before the 1×1 that gathers them."""
    return Operation("selection", "norm, depthwise 3×3\nBatchNorm, GELU", column, 1)


def reduced(name: str, column: float, row: float, ratio: int) -> Operation:
    """The projection of a map, spatially reduced where the ratio (per side) is not 1."""
    reduction = f"{strided(ratio + 1, ratio)}\nBatchNorm, GELU\n" if ratio > 1 else ""
    return Operation(name, f"{reduction}1×1, BatchNorm", column, row, gives=reduced_map(ratio))


def strided(kernel: int, stride: int) -> str:
    """A depthwise convolution with a stride, which is not parted from its number where the line is broken."""
    return f"depthwise {kernel}×{kernel}, stride\N{NO-BREAK SPACE}{stride}"


def reduced_map(ratio: int) -> str:
    """The shape of a reduced map."""
    return MAP if ratio == 1 else f"C × N/{ratio**2}"


def mixing(site: Site, column: float, row: float, *, groups: int) -> tuple[Operation, Operation, Wire]:
    """The final mixing, and the map that comes out."""
    share = f"1×1 in {groups} groups" if groups > 1 else "1×1"
    return (
        Operation("mixing", f"depthwise 3×3, GELU\n{share}", column, row),
        result(site, column, row + 1),
        Wire("mixing", "result"),
    )


def result(site: Site, column: float, row: float) -> Operation:
    """What comes out: the mixer's input projection."""
    times = site.out_channels / site.channels
    width = f"{times:g}C" if times.is_integer() else str(site.out_channels)
    return Operation("result", f"{width} × N", column, row, "map")
