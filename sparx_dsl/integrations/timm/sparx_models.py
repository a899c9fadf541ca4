"""The specs of the zoo in timm's registry; timm calls the models of this file ``sparx_models``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from timm.models import build_model_with_cfg, is_model, model_entrypoint, register_model
from torch import nn

import sparx_dsl
from sparx_dsl import Spec, load_spec
from sparx_dsl.api import Source
from sparx_dsl.integrations.timm.arguments import invalid_option
from sparx_dsl.integrations.timm.config import default_config
from sparx_dsl.integrations.timm.model import SparxModel
from sparx_dsl.language.zoo import zoo

ANY_SPEC: Final = "sparx"
"""The name of the model that is made from a spec of one's own."""
PREFIX: Final = "sparx_dsl_"
"""What stands before names that timm has already, or whose specs are in a folder of the zoo."""


def timm_name(name: str) -> str:
    """What a model is called in timm: as its spec, or with a prefix where that name is taken or is one in a folder."""
    taken = is_model(name) and model_entrypoint(name).__module__ != __name__
    return f"{PREFIX}{name.replace('/', '_')}" if taken or "/" in name else name


def create(variant: str, spec: Spec, pretrained: bool, **options: Any) -> nn.Module:
    """The model of a spec, or with ``features_only`` what gives its maps, as timm's other models are made.

    ``options`` are those of ``timm.create_model``; raises ``SparxError``.
    """
    if options.get("features_only") and options.get("feature_cls") in ("list", "dict") and leads_between_stages(spec):
        message = f"feature_cls {options['feature_cls']!r} calls one stage after the other, and links lead past stages"
        raise invalid_option(message, "leave out feature_cls, or write feature_cls='getter'")
    features = {"out_indices": tuple(range(len(spec.stages))), "feature_cls": "getter"}
    return build_model_with_cfg(SparxModel, variant, pretrained, feature_cfg=features, spec=spec, **options)


def leads_between_stages(spec: Spec) -> bool:
    """Whether an added link leads from one stage to another."""
    graph = sparx_dsl.connect(spec)
    ends = ((graph.node(edge.source), graph.node(edge.target)) for edge in graph.edges if edge.kind == "added")
    return any(source.stage != target.stage or source.role == "stem" for source, target in ends)


def sparx(pretrained: bool = False, *, spec: Source, **options: Any) -> nn.Module:
    """The backbone of a spec: a path, a name of the zoo, YAML text, a mapping or a ``Spec``; raises ``SparxError``.

    In the configuration of a saved model, from which timm takes arguments too, a spec is a mapping or a text: such a
    file opens no other file.
    """
    saved = options.get("pretrained_model_args") or {}
    if isinstance(spec, str) and "\n" not in spec and spec == saved.get("spec"):
        message = f"the saved model names a spec by its path, {spec!r}, and does not hold it"
        raise invalid_option(message, "save a model that was created with spec=load_spec(path).written()")
    own = sparx_dsl.connect(spec).spec
    options["pretrained_cfg"] = options.get("pretrained_cfg") or default_config(own)
    return create(timm_name(ANY_SPEC), own, pretrained, **options)


def entry_of(name: str, spec: Spec) -> Callable[..., nn.Module]:
    """The function under which timm registers a spec of the zoo."""

    def entry(pretrained: bool = False, **options: Any) -> nn.Module:
        return create(name, spec, pretrained, **options)

    return named(entry, name)


def named(entry: Callable[..., nn.Module], name: str) -> Callable[..., nn.Module]:
    """The function with that name, by which timm registers it."""
    entry.__name__ = entry.__qualname__ = name
    return entry


SPECS: Final[Mapping[str, Spec]] = MappingProxyType({timm_name(name): load_spec(path) for name, path in zoo().items()})
"""The specs of the zoo by the names of their models in timm; a file of such a name beside is not looked at."""
default_cfgs = {name: default_config(spec) for name, spec in SPECS.items()}
"""timm looks for its ``default_cfg`` of each model here."""


def register() -> None:
    """Register the specs with timm, and ``sparx`` for any other; names that are registered are left alone."""
    entries = [entry_of(name, spec) for name, spec in SPECS.items()]
    for entry in (*entries, named(sparx, timm_name(ANY_SPEC))):
        if not is_model(entry.__name__):
            register_model(entry)
