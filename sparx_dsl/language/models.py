"""The models of a spec, key by key as a user writes them: one YAML file is one backbone."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
)

from sparx_dsl.errors import Where
from sparx_dsl.language.amounts import Bytes, Count
from sparx_dsl.language.base import MAX_SIDE, Channels, Epsilon, NormName, Options
from sparx_dsl.language.defaults import default_options
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.kind_field import KindField
from sparx_dsl.language.roles import (
    DownsampleOptions,
    FfnOptions,
    FusionOptions,
    HeadOptions,
    MixerOptions,
    StemOptions,
)
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import MappingNode, locate, node_of
from sparx_dsl.registry import default_registry

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
PLACE_PATTERN = r"^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63})?$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Place = Annotated[str, Field(pattern=PLACE_PATTERN)]
"""The name of a node: ``stem``, ``stage3.layer4``, ``stage3.downsample``."""
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
LayerNumber = Annotated[int, Field(ge=1, le=4096)]

CrossStage = Literal["none", "first", "window", "every"]
Intra = Literal["since_last", "all"]
NormPlace = Literal["pre", "post", "none"]
LayerScalePlace = Literal["residual", "branch"]


def _pair(size: object) -> object:
    return (size, size) if isinstance(size, int) and not isinstance(size, bool) else size


def _short(size: tuple[int, int]) -> int | list[int]:
    return size[0] if size[0] == size[1] else list(size)


def _number(key: object) -> object:
    """The number that a text of digits stands for, as JSON has keys; what is none is left to be refused."""
    return int(key) if isinstance(key, str) and re.fullmatch(r"[1-9][0-9]{0,3}", key) else key


SIDE_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}
SIZE_SCHEMA = {"anyOf": [SIDE_SCHEMA, {"type": "array", "items": SIDE_SCHEMA, "minItems": 2, "maxItems": 2}]}

Size = Annotated[
    tuple[Side, Side], Field(strict=False), BeforeValidator(_pair), PlainSerializer(_short), WithJsonSchema(SIZE_SCHEMA)
]
"""Height and width in pixels; one number where they are equal."""


class InputOptions(Options, frozen=True):
    """What the backbone is fed."""

    channels: Annotated[int, Field(ge=1, le=1024)] = 3
    """Channels of an image."""
    size: Size = (224, 224)
    """The size at which to price and plan by default; the compiled module takes any."""


class LayerOptions(Options, frozen=True):
    """What a layer is made of; a slot that is not given is taken from the next wider level.

    The levels, widest first: the backbone's ``layer``, the stage's ``layer``, the stage's ``layers`` entry. A slot
    that is given replaces the wider one as a whole.
    """

    dpe: bool | None = None
    """Whether a residual depthwise 3×3 convolution encodes position before all else; by default not."""
    mixer: Annotated[MixerOptions | None, KindField("mixer")] = None
    """The token mixer."""
    fusion: Annotated[FusionOptions | None, KindField("fusion")] = None
    """How a ganglion layer takes in the features that it reads; by default as in the paper."""
    ffn: Annotated[FfnOptions | None, KindField("ffn")] = None
    """The feed-forward network; by default an MLP."""
    norm: NormName | None = None
    """GroupNorm of one group, LayerNorm or RMSNorm over channels, or BatchNorm; by default ``layer``."""
    layer_scale: Annotated[float, Field(ge=-1e3, le=1e3)] | Literal["none"] | None = None
    """Initial weight of a scale for each channel, or ``none``."""
    layer_scale_on: LayerScalePlace | None = None
    """Where that scale is: ``residual`` (weight and bias, the default) or ``branch`` (weight)."""
    norm_eps: Epsilon | None = None
    """What the layer's norms add to the variance; by default 1e-5."""
    norm_place: NormPlace | None = None
    """Where the norms of mixer and FFN stand: in front, behind on the branch, or nowhere; by default ``pre``."""


LayerTable = Annotated[
    Mapping[Annotated[LayerNumber, BeforeValidator(_number)], LayerOptions],
    AfterValidator(FrozenDict),
    PlainSerializer(dict),
]


class Stage(Options, frozen=True):
    """One stage: its width, its depth, and which of its layers read which."""

    name: Name | None = None
    """What the stage is called; by default ``stage1``, ``stage2`` and so on."""
    channels: Channels
    """The width: channels of every map of the stage."""
    depth: Annotated[int, Field(ge=1, le=512)]
    """How many layers it has."""
    S: Annotated[int, Field(ge=1, le=512)] | None = None
    """Stride: every S-th layer is a ganglion layer, counted back from the last."""
    M: Annotated[int, Field(ge=1, le=512)] | Literal["all"] | None = None
    """Window: how many of the closest preceding ganglion layers a ganglion layer reads; by default all."""
    ganglion: Annotated[tuple[LayerNumber, ...], Field(strict=False, min_length=1)] | None = None
    """The ganglion layers by number, in place of S."""
    cross_stage: CrossStage | None = None
    """Which ganglion layers read the downsampled feature of the stage before; by default the first."""
    intra: Intra | None = None
    """``all``: a ganglion layer reads all normal layers before it, not only those since the last ganglion layer."""
    end_norm: bool = False
    """Whether a norm ends the stage, as the last part of its last layer: that layer's norm (PVTv2)."""
    downsample: Annotated[DownsampleOptions | None, KindField("downsample")] = None
    """What halves the map before the stage; by default that of the backbone."""
    layer: LayerOptions = LayerOptions()
    """What the layers of this stage are, where they differ from the backbone's ``layer``."""
    layers: LayerTable = Field(default_factory=FrozenDict[int, LayerOptions])
    """What single layers are, by number."""


class Link(Options, frozen=True):
    """One connection by the names of its ends."""

    source: Place = Field(alias="from")
    """The node that is read: ``stem``, ``stage2.layer1``, ``stage3.downsample``."""
    target: Place = Field(alias="to")
    """The layer that reads it, further on."""


Links = Annotated[tuple[Link, ...], Field(strict=False)]


class LinkEdits(Options, frozen=True):
    """Connections added to the rule's, or cut from them."""

    add: Links = ()
    """Connections besides those of the rule; maps of other sizes are resampled and projected."""
    cut: Links = ()
    """Connections of the rule that are left out."""


class Budget(Options, frozen=True):
    """The most that the backbone may cost, for images of its own size, a batch of one and float32."""

    params: Count | None = None
    """Trainable parameters."""
    macs: Count | None = None
    """Multiply-accumulates for one image."""
    peak: Bytes | None = None
    """Bytes of the feature buffers that are held at once."""


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        items = cast("dict[object, Any]", data).items()
        return {key: _without_nulls(value) for key, value in items if value is not None}
    return [_without_nulls(item) for item in cast("list[Any]", data)] if isinstance(data, list) else data


def _default_downsample() -> DownsampleOptions:
    return default_options("downsample", DownsampleOptions)


def _default_head() -> HeadOptions:
    return default_options("head", HeadOptions)


class Origin:
    """Where a spec came from, and what was computed from it; takes no part in comparison.

    A spec equals its round trip therefore. What is kept holds for the values with which the spec was made: a copy with
    other values (``model_copy``) has no use for it.
    """

    def __init__(self, root: MappingNode, limits: Limits, values: tuple[object, ...], revision: int) -> None:
        self.root = root
        """The tree that the spec was read from."""
        self.limits = limits
        self.values = values
        self.revision = revision
        """That of the registered kinds with which it was read."""
        self.tree = root if root.source is None else None
        """The same without places; made when it is asked for."""
        self.stages: tuple[Any, ...] | None = None
        """What ``language.resolve`` makes of the stages."""

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Origin)


class SpecModel(Options, frozen=True):
    """The keys of a spec; ``language.spec.Spec`` adds what can be done with one."""

    model_config = ConfigDict(title="Spec")

    sparx: Literal[1]
    """The version of the language."""
    name: Name
    """What the backbone is called: lower-case letters, digits and underscores."""
    input: InputOptions = InputOptions()
    """The images that the backbone is given."""
    stem: Annotated[StemOptions, KindField("stem")]
    """From the image to the first stage's map."""
    downsample: Annotated[DownsampleOptions, KindField("downsample"), Field(default_factory=_default_downsample)]
    """What halves the map between stages."""
    layer: LayerOptions = LayerOptions()
    """What every layer is, unless its stage says otherwise."""
    stages: Annotated[tuple[Stage, ...], Field(strict=False, min_length=1, max_length=16)]
    """The stages, in order; in a file that extends another, those that differ by number."""
    links: LinkEdits = LinkEdits()
    """Single connections added to the rule's, or cut from them."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Rate of stochastic depth in the last layer; it rises linearly from 0 in the first."""
    head: Annotated[HeadOptions, KindField("head"), Field(default_factory=_default_head)]
    """From the last map to the result."""
    budget: Budget = Budget()
    """What checking, compiling and building hold the backbone to."""

    _origin: Origin | None = PrivateAttr(default=None)

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place of a key path (list indices 0-based) in the text that this spec was read from."""
        return locate(self.tree if self._origin is None else self._origin.root, path, key=key)

    @property
    def limits(self) -> Limits:
        """The bounds within which the spec was read, and within which all that is made of it stays."""
        return DEFAULT_LIMITS if self._origin is None else self._origin.limits

    @property
    def origin(self) -> Origin | None:
        """Where the spec came from; None for one that was made by hand, or is a copy with other values."""
        known = self._origin
        return known if known is not None and all(map(operator.is_, known.values, vars(self).values())) else None

    def with_origin(self, root: MappingNode, limits: Limits) -> Self:
        """The same spec, remembering the tree that it was read from and the limits."""
        copy, revision = self.model_copy(), default_registry().revision
        Options.__setattr__(copy, "_origin", Origin(root, limits, tuple(vars(copy).values()), revision))
        return copy

    @property
    def tree(self) -> MappingNode:
        """The keys that were given as a tree without places, which edits are laid over."""
        origin = self.origin
        if origin is not None and origin.tree is not None:
            return origin.tree
        written = node_of(self.written(), limits=self.limits)
        assert isinstance(written, MappingNode)
        if origin is not None:
            origin.tree = written
        return written

    @model_serializer(mode="wrap")
    def _without_nulls_in_json(self, serialise: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """As pydantic writes it, but no nulls into JSON, since a null in a text is an error."""
        return _without_nulls(serialise(self)) if info.mode == "json" else serialise(self)

    def written(self) -> dict[str, Any]:
        """The keys that were given, as plain Python values: what ``dump_spec`` writes."""
        return self.model_dump(mode="python", by_alias=True, exclude_unset=True)
