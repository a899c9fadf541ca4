"""SPX2xx: values that do not go together."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.RESERVED_NAME,
        "a reserved name",
        "A stage's name becomes the name of a part of the compiled module. Python's keywords, the attributes of a "
        "module, `stem` and `head` are taken.",
        "stages:\n  - {name: head, channels: 16, depth: 2}\n",
        "stages:\n  - {name: last, channels: 16, depth: 2}\n",
    ),
    CodeEntry(
        Code.NAME_OF_ANOTHER_POSITION,
        "the name of another position",
        "`stage1`, `stage2` … are the names of stages by position. A stage with a name of its own takes another one.",
        "stages:\n  - {name: stage2, channels: 16, depth: 2}\n",
        "stages:\n  - {name: early, channels: 16, depth: 2}\n",
    ),
    CodeEntry(
        Code.DUPLICATE_STAGE_NAME,
        "two stages of one name",
        "Links and weights refer to stages by name, so every name is there once.",
        "stages:\n  - {name: deep, channels: 16, depth: 2}\n  - {name: deep, channels: 32, depth: 2}\n",
        "stages:\n  - {name: deep, channels: 16, depth: 2}\n  - {name: deeper, channels: 32, depth: 2}\n",
    ),
    CodeEntry(
        Code.GANGLION_LAYERS_PLACED_TWICE,
        "ganglion layers placed twice",
        "A stage places its ganglion layers by the stride `S` or by the list `ganglion`, not by both.",
        "stages:\n  - {channels: 16, depth: 4, S: 2, ganglion: [1, 4]}\n",
        "stages:\n  - {channels: 16, depth: 4, ganglion: [1, 4]}\n",
    ),
    CodeEntry(
        Code.STRIDE_EXCEEDS_DEPTH,
        "a stride beyond the stage",
        "Every S-th layer is a ganglion layer, counted back from the last, so a stride of more than the depth means "
        "nothing more than one of the depth. It is most likely meant for another stage.",
        "stages:\n  - {channels: 16, depth: 2, S: 3}\n",
        "stages:\n  - {channels: 16, depth: 2, S: 2}\n",
    ),
    CodeEntry(
        Code.WINDOW_EXCEEDS_DEPTH,
        "a window beyond the stage",
        "A ganglion layer reads the M closest ganglion layers before it. A stage of fewer than M layers never has as "
        "many; `M: all` means no window.",
        "stages:\n  - {channels: 16, depth: 2, S: 1, M: 3}\n",
        "stages:\n  - {channels: 16, depth: 2, S: 1, M: all}\n",
    ),
    CodeEntry(
        Code.NO_GANGLION_LAYERS,
        "a rule for ganglion layers that the stage does not have",
        "`M`, `cross_stage` and `intra` decide what ganglion layers read. A stage without `S` or `ganglion` has none.",
        "stages:\n  - {channels: 16, depth: 2, M: 2}\n",
        "stages:\n  - {channels: 16, depth: 2, S: 1, M: 2}\n",
    ),
    CodeEntry(
        Code.LAYER_EXCEEDS_DEPTH,
        "a layer that the stage does not have",
        "Layers are numbered from 1 to the stage's `depth`.",
        "stages:\n  - {channels: 16, depth: 2, layers: {3: {dpe: false}}}\n",
        "stages:\n  - {channels: 16, depth: 2, layers: {2: {dpe: false}}}\n",
    ),
    CodeEntry(
        Code.GANGLION_LIST_NOT_RISING,
        "ganglion layers out of order",
        "The list `ganglion` names layers in rising order, each once.",
        "stages:\n  - {channels: 16, depth: 4, ganglion: [4, 2]}\n",
        "stages:\n  - {channels: 16, depth: 4, ganglion: [2, 4]}\n",
    ),
    CodeEntry(
        Code.MISSING_MIXER,
        "layers without a token mixer",
        "Every layer has a token mixer: from its entry in `layers`, the stage's `layer`, or the backbone's `layer`.",
        "layer: {dpe: true}\n",
        "layer: {dpe: true, mixer: {kind: ss2d}}\n",
    ),
    CodeEntry(
        Code.DOWNSAMPLE_IN_FIRST_STAGE,
        "a downsampling in stage 1",
        "A stage's `downsample` stands between the stage before and itself. Stage 1 follows the stem, which does the "
        "downsampling there.",
        "stages:\n  - {channels: 16, depth: 2, downsample: {kind: merge}}\n",
        "stages:\n  - {channels: 16, depth: 2}\n",
    ),
)
