"""The configuration of a backbone in transformers: its spec, whole, inside ``config.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from transformers import PreTrainedConfig
from transformers.backbone_utils import BackboneConfigMixin

from sparx_dsl import Code, Diagnostic, SparxError, Spec, parse_spec
from sparx_dsl.api import as_spec

KERNELS = ("attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation")
"""Keys of a configuration under which transformers takes the name of a repository, and loads its code."""


class SparxConfig(BackboneConfigMixin, PreTrainedConfig):
    """A spec, what a backbone returns, and the labels of a classifier.

    ``spec`` is a ``Spec``, or a mapping of plain values as ``config.json`` has it; ``SparxConfig.of`` takes names of
    the zoo and paths too, which are never read from a ``config.json``. Whatever it extends is written out, so that the
    file stands by itself. Stages are called as in the spec, behind ``stem``: an index in ``out_indices`` is a stage's
    number, and 0 is the stem. ``num_labels`` and ``id2label`` are by default as many as the classes of the spec's head,
    and decide over these where they are given. Raises ``SparxError`` for a spec with errors and for kernels of the hub,
    and ``ValueError``, as all configurations of transformers do, for outputs that do not exist.
    """

    model_type = "sparx"

    spec: Any = None
    _out_features: list[str] | None = None
    _out_indices: list[int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        refuse_kernels(kwargs)
        spec = checked_spec(self.spec)
        self.spec = plain(spec)
        self.stage_names = ["stem", *(stage.name for stage in spec.resolved)]
        outputs = {key: kwargs.pop(key, None) for key in ("out_features", "out_indices")}
        self.set_output_features_output_indices(**outputs)
        classes = classes_of(spec)
        if self.id2label is None and classes is not None:
            kwargs.setdefault("num_labels", classes)
        kwargs.pop("stage_names", None)
        super().__post_init__(**kwargs)

    @classmethod
    def of(cls, source: Spec | Mapping[str, object] | str | os.PathLike[str], **options: Any) -> SparxConfig:
        """The configuration of a spec, given as to ``sparx_dsl.build``; raises ``SparxError``."""
        return cls(spec=as_spec(source), **options)

    @property
    def backbone_spec(self) -> Spec:
        """The spec, its head with as many classes as there are labels; raises ``SparxError``."""
        spec = parse_spec(self.spec)
        classes = classes_of(spec)
        return spec if classes in (None, self.num_labels) else spec.edit({"head.classes": self.num_labels})

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {**super().to_dict(), "spec": plain(self.backbone_spec)}


def checked_spec(given: object) -> Spec:
    """The spec that a configuration was given; raises ``SparxError``, also for names and paths."""
    if isinstance(given, Spec):
        return given
    if isinstance(given, Mapping):
        return parse_spec(cast("Mapping[str, object]", given))
    what = "has no spec" if given is None else f"has a spec of type {type(given).__name__}, which is not a mapping"
    code = Code.MISSING_KEY if given is None else Code.WRONG_TYPE
    help = "write SparxConfig(spec={…}), or SparxConfig.of(…) for a name of the zoo or a path"
    raise SparxError(Diagnostic(code, f"the configuration {what}", help=help))


def refuse_kernels(given: Mapping[str, object]) -> None:
    """Raise ``SparxError`` (SPX560) where a configuration names code of the hub that transformers would load."""
    for key in KERNELS:
        value = given.get(key)
        named = cast("Mapping[str, object]", value).values() if isinstance(value, Mapping) else (value,)
        if any("/" in each for each in named if isinstance(each, str)):
            message = f"{key} {value!r} names a kernel of the hub, and a backbone has no attention of transformers"
            raise SparxError(Diagnostic(Code.INVALID_INTEGRATION_OPTION, message, help=f"leave {key} out"))


def plain(spec: Spec) -> dict[str, Any]:
    """What was given of a spec, as JSON has it."""
    return json.loads(spec.model_dump_json(exclude_unset=True))


def classes_of(spec: Spec) -> int | None:
    """How many classes the head of a spec has; None where it has none."""
    return spec.head.model_dump().get("classes")
