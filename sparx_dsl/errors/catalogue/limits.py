"""SPX4xx: backbones that are larger than the limits or the budget."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.TOO_MANY_LAYERS,
        "too many layers",
        "All stages together have at most `Limits.layers_in_total` layers. A caller can raise this, a spec cannot.",
        "stages:\n  - {channels: 16, depth: 512}\n  - {channels: 16, depth: 512}\n  - {channels: 16, depth: 1}\n",
        "stages:\n  - {channels: 16, depth: 512}\n  - {channels: 16, depth: 512}\n",
    ),
    CodeEntry(
        Code.TOO_MANY_PARAMETERS,
        "too many parameters",
        "Parameters are counted before anything is allocated, and more than `Limits.params` are refused. A caller can "
        "raise the limit, a spec cannot.",
    ),
    CodeEntry(
        Code.TOO_MANY_BYTES,
        "too many bytes",
        "The bytes of the feature buffers that are alive at one time are known before anything is allocated, and more "
        "than `Limits.buffer_bytes` are refused. A caller can raise the limit, a spec cannot.",
    ),
    CodeEntry(
        Code.TOO_MANY_CONNECTIONS,
        "too many connections",
        "The ganglion layers of a backbone together read at most `Limits.connections` features. Stages of hundreds of "
        "layers in which every layer reads every other one are beyond it.",
        "stages:\n  - {channels: 16, depth: 448, S: 1, M: all}\n",
        "stages:\n  - {channels: 16, depth: 448, S: 1, M: 3}\n",
    ),
    CodeEntry(
        Code.OVER_BUDGET,
        "over the budget",
        "The backbone costs more than the `budget` in its spec allows: parameters, MACs for one image, or bytes of the "
        "feature buffers held at once, at the spec's own size, a batch of one and float32. `sparx check`, compiling "
        "and building refuse it; loading and pricing do not.",
    ),
)
