"""The calls that users make, each from whatever they have: a file, a text, a mapping or a ``Spec``.

Torch is imported when ``build`` or a call about weights is first made, never before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sparx_dsl import pricing, schedule
from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.graph import connect as connect_spec
from sparx_dsl.language.dtypes import DType
from sparx_dsl.language.spec import Spec, load_spec, parse_spec
from sparx_dsl.language.zoo import holds_yaml
from sparx_dsl.pricing import Convention, Cost, Totals
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.schedule import Features, Schedule

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from sparx_dsl.inference.deploy import DeployedBackbone
    from sparx_dsl.lowering import Backbone
    from sparx_dsl.weights import LoadReport

CHECKPOINT_SUFFIX = ".safetensors"

Source = Spec | ConnectionGraph | Mapping[str, object] | str | os.PathLike[str]
"""A spec, its graph, a mapping of plain values, a path to a YAML file or a name of the zoo (``sparx_mamba_t``), or YAML
or JSON text (a string with line breaks, or that begins with a brace or a key of specs).
"""


def as_spec(source: Spec | Mapping[str, object] | str | os.PathLike[str], *, limits: Limits | None = None) -> Spec:
    """The spec that ``source`` is, holds or names, within ``limits``; raises ``SparxError``.

    A ``Spec`` carries the limits within which it was read, which hold where none are given.
    """
    if isinstance(source, Spec):
        return source if limits is None else source.within(limits)
    limits = DEFAULT_LIMITS if limits is None else limits
    if isinstance(source, Mapping) or (isinstance(source, str) and holds_yaml(source)):
        return parse_spec(source, limits=limits)
    return load_spec(source, limits=limits)


def connect(source: Source, *, limits: Limits | None = None) -> ConnectionGraph:
    """Which layer reads which, within ``limits``; raises ``SparxError``."""
    if isinstance(source, ConnectionGraph):
        return source if limits in (None, source.spec.limits) else connect_spec(as_spec(source.spec, limits=limits))
    return connect_spec(as_spec(source, limits=limits))


def plan(
    source: Source,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
    features: Features | None = None,
) -> Schedule:
    """The steps and the life of every feature buffer, for images of ``size`` (height, width); raises ``SparxError``."""
    return schedule.plan(connect(source), size, batch, dtype, features)


def cost(
    source: Source,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
    features: Features | None = None,
    convention: Convention = "paper",
) -> Cost:
    """Parameters, MACs and FLOPs for an image, bytes held and moved, exact and without torch; raises ``SparxError``.

    The ``convention`` says how MACs are counted: ``paper``, or ``fvcore`` as that tool counts the built model.
    """
    return pricing.price_schedule(plan(source, size, batch, dtype, features), convention)


def prices(source: Source, size: tuple[int, int] | None = None, batch: int = 1, dtype: DType = "float32") -> Totals:
    """The totals of ``cost``: parameters, MACs, FLOPs, bytes; several times as fast. Raises ``SparxError``."""
    spec = source.spec if isinstance(source, ConnectionGraph) else as_spec(source)
    return pricing.prices(spec, size, batch, dtype)


def check(source: Source, *, limits: Limits | None = None) -> Schedule:
    """Go as far as can be gone without torch, and hold the backbone to ``limits`` and to the budget in its spec.

    Gives the schedule for the spec's size, a batch of one and float32; raises ``SparxError``.
    """
    planned = schedule.plan(connect(source, limits=limits))
    pricing.check_prices(planned)
    return planned


def build(
    source: Source | Cost,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    features: Features | None = None,
    limits: Limits | None = None,
    deploy: bool = False,
    activation_budget: int | str | None = None,
    batch: int = 1,
) -> Backbone:
    """Compile a backbone to a ``torch.nn.Module`` with freshly drawn weights, or those of a ``.safetensors`` file.

    It maps images (batch, channels, height, width) to logits (batch, classes), or to the last stage's map where the
    spec has no head; with ``features`` to the list of those maps: of stages, by number (from 1, or from -1 for the
    last) or by name, of layers (``stage3.layer4``), of the ``stem``, and the result of the ``head``. A file that
    ``save_checkpoint`` wrote carries its spec, so that its path is all that is needed; a ``Cost`` is the backbone that
    it is the price of. Raises ``SparxError``, also for a backbone that needs more than ``limits`` or the budget in its
    spec, before anything is allocated.

    With ``deploy`` it is one for inference, as ``deploy(model)`` makes it. With an ``activation_budget`` in bytes, such
    as ``"2GiB"``, training on ``batch`` images of the spec's size saves no more than that for the backward pass, as
    ``recompute(model, …)`` arranges it.
    """
    if deploy and activation_budget is not None:
        message = "an activation budget is for training, and a deployed backbone is for inference"
        help = "leave out one of deploy and activation_budget"
        raise SparxError(Diagnostic(Code.ACTIVATION_BUDGET_FOR_INFERENCE, message, help=help))
    model = _built(source, device, dtype, features, limits)
    if deploy:
        return _deployed(model)
    return model if activation_budget is None else recompute(model, activation_budget, batch)


def _built(
    source: Source | Cost,
    device: torch.device | str | None,
    dtype: torch.dtype | str | None,
    features: Features | None,
    limits: Limits | None,
) -> Backbone:
    if isinstance(source, (str, os.PathLike)) and os.fspath(source).endswith(CHECKPOINT_SUFFIX):
        from sparx_dsl.weights import load_model

        return load_model(source, device=device, dtype=dtype, features=features, limits=limits or DEFAULT_LIMITS)
    from sparx_dsl.lowering import build_backbone

    if isinstance(source, Cost) and limits not in (None, source.schedule.graph.spec.limits):
        source = source.schedule.graph
    if not isinstance(source, Cost):
        source = connect(source, limits=limits)
    return build_backbone(source, device=device, dtype=dtype, features=features)


def deploy(model: nn.Module) -> DeployedBackbone:
    """A copy of a trained backbone for inference, faster and with the same results to 1e-5.

    The model may be within wrappers of PyTorch (DDP, ``torch.compile``, …), which the copy is without; it stays as it
    was. See ``sparx_dsl.inference.deploy.deploy``; raises ``SparxError``.
    """
    return _deployed(model)


def _deployed(model: nn.Module) -> DeployedBackbone:
    # ``build`` has an argument of the public name.
    from sparx_dsl.inference.deploy import deploy

    return deploy(model)


def recompute(
    model: nn.Module, activation_budget: int | str, batch: int = 1, size: tuple[int, int] | None = None
) -> Backbone:
    """The same backbone, of the same parameters, whose training keeps to a budget of bytes for the backward pass.

    ``batch`` and ``size`` (height, width; by default the spec's) are those of the images that it will be trained on.
    See ``sparx_dsl.lowering.recompute_within``; raises ``SparxError`` for a budget that cannot be kept.
    """
    from sparx_dsl.inference.deploy import DeployedBackbone
    from sparx_dsl.lowering import recompute_within

    if isinstance(model, DeployedBackbone):
        message = "a deployed backbone is for inference and saves nothing for a backward pass"
        help = "ask for a budget with the backbone that is trained"
        raise SparxError(Diagnostic(Code.ACTIVATION_BUDGET_FOR_INFERENCE, message, help=help))
    return recompute_within(model, activation_budget, batch, size)


def param_groups(
    model: nn.Module, weight_decay: float = 0.05, layer_decay: float | None = None, lr: float | None = None
) -> list[dict[str, Any]]:
    """The groups that an optimizer takes, with every parameter in one; norms, biases and such do not decay.

    With a ``layer_decay``, rates fall by that factor from layer to layer, from the head back to the stem. See
    ``sparx_dsl.lowering.optimizer_groups``; raises ``SparxError``, also for a deployed backbone.
    """
    from sparx_dsl.inference.deploy import DeployedBackbone
    from sparx_dsl.lowering.optimizer_groups import param_groups as groups

    if any(isinstance(module, DeployedBackbone) for module in model.modules()):
        message, help = "a deployed backbone cannot be trained", "train the backbone that it was made from"
        raise SparxError(Diagnostic(Code.DEPLOYED_NOT_TRAINABLE, message, help=help))
    return groups(model, weight_decay, layer_decay, lr)


def load_checkpoint(
    model: nn.Module,
    source: str | os.PathLike[str] | Mapping[str, Tensor],
    *,
    format: str | None = None,
    strict: bool = True,
    section: str | None = None,
    prefix: str | None = None,
) -> LoadReport:
    """Load weights into a backbone from a file or a state dict: ours, or one of a released format.

    What wrappers put before all names is seen through; ``prefix`` names a part of a larger model, as ``backbone``. With
    ``strict`` every tensor has the model's shape: see ``sparx_dsl.weights.load_checkpoint``. Raises ``SparxError``, and
    the model is then as it was.
    """
    from sparx_dsl import weights

    return weights.load_checkpoint(model, source, format=format, strict=strict, section=section, prefix=prefix)


def save_checkpoint(model: nn.Module, path: str | os.PathLike[str], *, format: str = "sparx_dsl") -> None:
    """Write weights: ours, with the spec inside (.safetensors), or a released format (.pth); raises ``SparxError``."""
    from sparx_dsl import weights

    weights.save_checkpoint(model, path, format=format)


def transfer(
    source: nn.Module,
    target: nn.Module,
    renames: Mapping[str, str] | None = None,
    *,
    slices: bool = False,
    identity: bool = False,
) -> LoadReport:
    """Carry weights over to an edited spec's backbone; ``renames`` is what ``LayerEdit`` has; raises ``SparxError``.

    With ``slices``, tensors of another width take over the channels that both have; with ``identity``, added layers
    begin as the identity, where their kinds say how.
    """
    from sparx_dsl import weights

    return weights.transfer(source, target, renames, slices=slices, identity=identity)
