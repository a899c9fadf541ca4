"""The inception mixer in the checkpoints of InceptionNeXt, by timm's names."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames

_NAMES = {
    "mixer.square": "token_mixer.dwconv_hw",
    "mixer.wide": "token_mixer.dwconv_w",
    "mixer.tall": "token_mixer.dwconv_h",
    "mixer.norm": "norm",
    "mixer.expansion": "mlp.fc1",
    "mixer.contraction": "mlp.fc2",
}
_SIGNS = frozenset({"token_mixer.dwconv_hw"})
# No blocks: which channels pass, and which a convolution reads, changes with the width.
CHECKPOINT: Final = KindCheckpoint({"inception_next": ReleasedNames(_NAMES, signs=_SIGNS)}, last="mixer.contraction")
