"""The checkpoints that ``init_cfg`` names: read as all checkpoints here, and nothing is left out silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mmengine.model import PretrainedInit

from sparx_dsl import Backbone, load_checkpoint
from sparx_dsl.integrations.mmengine.arguments import refused

KEYS = ("type", "checkpoint", "prefix", "map_location")
"""What such an entry of ``init_cfg`` can have in mmengine; values are copied to where the backbone is in any case."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A file, and what stands before the names of the backbone's weights in it."""

    checkpoint: str
    prefix: str | None = None

    @property
    def description(self) -> str:
        """What mmengine notes of the parameters."""
        return f"Pretrained: load from {self.checkpoint}"

    def load(self, model: Backbone) -> None:
        """Load it; raises ``SparxError``, and the model is then as it was."""
        load_checkpoint(model, self.checkpoint, prefix=self.prefix)


def entries_of(init_cfg: object) -> list[Mapping[str, Any]]:
    """The entries of ``init_cfg``; raises ``SparxError`` (SPX560) for what has none."""
    given = [] if init_cfg is None else cast("list[object]", init_cfg) if isinstance(init_cfg, list) else [init_cfg]
    for entry in given:
        if not isinstance(entry, Mapping) or "type" not in entry:
            raise refused(f"init_cfg has an entry without a type: {entry!r}", 'write dict(type="Pretrained", …)')
    return cast("list[Mapping[str, Any]]", given)


def is_pretrained(entry: Mapping[str, Any]) -> bool:
    """Whether an entry names a checkpoint."""
    return entry["type"] in ("Pretrained", PretrainedInit)


def pretrained(entry: Mapping[str, Any]) -> Pretrained:
    """The checkpoint that an entry names; raises ``SparxError`` (SPX560) for other keys, and for addresses."""
    checkpoint, prefix = entry.get("checkpoint"), entry.get("prefix")
    unknown = [key for key in entry if key not in KEYS]
    if unknown or not isinstance(checkpoint, str) or not (prefix is None or isinstance(prefix, str)):
        help = 'write dict(type="Pretrained", checkpoint="file.pth"), with a prefix or not'
        raise refused(f"init_cfg cannot be followed: {dict(entry)!r}", help)
    if "://" in checkpoint:
        message = f"init_cfg names an address, {checkpoint}, and only files are loaded"
        raise refused(message, "download it, and write the path of the file")
    return Pretrained(checkpoint, prefix)
