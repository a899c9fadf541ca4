"""The backbone of a spec's plain values, computed layer by layer with the kinds' own modules and nothing else of ours.

Everything between the kinds stands here once more: norms, projections, scales, residuals, stochastic depth, position
encoding, adapters, concatenation. Weights come from a state dict, by the names that the documentation gives them.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kind import load
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import Role
from sparx_dsl.registry import default_registry
from tests.support.modules import no_initial_values
from tests.support.spec_oracle import Mapping, SaidLayer, SaidStage, opening_of, said


class SpecOracle:
    """Runs a spec's plain values with the tensors of a state dict; ``used`` says which of these were asked for."""

    def __init__(self, spec: Mapping, state: dict[str, Tensor], *, training: bool = False) -> None:
        self.spec = spec
        self.stages = said(spec)
        self.state = {name: value.clone() for name, value in state.items()}
        self.within = _by_owner(self.state)
        self.training = training
        self.used: set[str] = set()

    def maps(self, images: Tensor, last: int | None = None) -> dict[str, Tensor]:
        """The map of every node up to that stage, (batch, channels, height, width); without one of all, and the head's
        result, or results, under ``head``.
        """
        x, before, found = images, images.shape[1], dict[str, Tensor]()
        places: dict[str, SaidStage] = {}
        for number, stage in enumerate(self.stages[:last]):
            if stage.opened:
                role: Role = "downsample" if number else "stem"
                site = Site(before, stage.channels) if number else Site(before, stage.channels, image=self._size())
                x = self._kind(stage.opening, role, opening_of(self.spec, number), site)(x)
                found[stage.opening], places[stage.opening] = x, stage
            before = stage.channels
            for layer in stage.layers:
                features = [self._adapted(layer, stage, places[each], each, found[each]) for each in layer.reads]
                x = self._layer(layer, stage.channels, self.stages[-1].stride // stage.stride, x, features)
                if stage.end_norm and layer is stage.layers[-1]:
                    x = self._norm(f"{layer.name}.norm", layer.options, x)
                found[layer.name], places[layer.name] = x, stage
        return found if last else found | self._head(found, images)

    def _size(self) -> tuple[int, int]:
        """Height and width of the images that the spec is for."""
        size = self.spec.get("input", {}).get("size", 224)
        return (size, size) if isinstance(size, int) else (size[0], size[1])

    def _head(self, found: dict[str, Tensor], images: Tensor) -> dict[str, Tensor]:
        options = self.spec.get("head", {"kind": "none"})
        if options["kind"] == "none":
            return {}
        widths, last = tuple(stage.channels for stage in self.stages), self.stages[-1].channels
        every = options["kind"] in ("semantic_fpn", "upernet")
        norm = self.spec.get("layer", {}).get("norm", "layer")
        head = self._kind("head", "head", options, Site(last, last, norm, maps=widths if every else ()))
        maps = [found[stage.layers[-1].name] for stage in self.stages]
        return {"head": head(*maps, images) if every else head(maps[-1])}

    def _layer(self, layer: SaidLayer, channels: int, reduction: int, x: Tensor, features: list[Tensor]) -> Tensor:
        options, name = layer.options, layer.name
        if options["dpe"]:
            x = x + self._conv(f"{name}.dpe.conv", x, padding=1, groups=channels)
        mixer = _options("mixer", options["mixer"])
        width = mixer.projected(channels)

        def site(out: int) -> Site:
            return Site(channels, out, options["norm"], layer.number, len(features), eps=options["norm_eps"],
                        normed=options["norm_place"] == "pre", post_normed=options["norm_place"] == "post",
                        reduction=reduction)  # fmt: skip

        if features:
            normed = self._front_norm(f"{name}.fusion.norm", options, x)
            fusion = self._kind(f"{name}.fusion.fusion", "fusion", options["fusion"], site(width))
            branch = fusion(normed, torch.cat(features, dim=1))
        else:
            branch = self._front_norm(f"{name}.mixer.norm", options, x)
            if mixer.has_projection:
                branch = self._conv(f"{name}.mixer.projection", branch)
        mixing = self._kind(f"{name}.mixer.mixer", "mixer", options["mixer"], site(width if features else channels))
        x = self._joined(f"{name}.mixer", layer, x, mixing(branch))
        if options["ffn"]["kind"] == "none":
            return x
        ffn = self._kind(f"{name}.ffn.ffn", "ffn", options["ffn"], site(width if features else channels))
        return self._joined(f"{name}.ffn", layer, x, ffn(self._front_norm(f"{name}.ffn.norm", options, x)))

    def _joined(self, name: str, layer: SaidLayer, x: Tensor, branch: Tensor) -> Tensor:
        """The residual and the branch, with its norm behind, their scale and stochastic depth."""
        if layer.options["norm_place"] == "post":
            branch = self._norm(f"{name}.post_norm", layer.options, branch)
        if layer.options["layer_scale"] != "none":
            if layer.options["layer_scale_on"] == "branch":
                branch = branch * self._take(f"{name}.branch_scale.weight")[:, None, None]
            else:
                weight, bias = (self._take(f"{name}.layer_scale.{leaf}")[:, None, None] for leaf in ("weight", "bias"))
                x = torch.addcmul(bias, x, weight)
        if self.training and layer.drop_path:
            kept = branch.new_empty((len(branch), 1, 1, 1)).bernoulli_(1 - layer.drop_path)
            branch = branch * (kept / (1 - layer.drop_path))
        return x + branch

    def _adapted(self, layer: SaidLayer, stage: SaidStage, origin: SaidStage, source: str, x: Tensor) -> Tensor:
        """A feature of another stage, averaged to the size and projected to the width of the layer that reads it."""
        steps = (step for step in stage.steps[len(origin.steps) :] if step[0] > 1)
        for crops, run in itertools.groupby(steps, key=lambda step: step[1]):
            ratio = math.prod(by for by, _ in run)
            # What is cropped: means of whole squares, and of what there is of the first one.
            sides = [side if side < ratio else side // ratio * ratio for side in x.shape[2:]]
            x = x[..., : sides[0], : sides[1]] if crops else x
            if ratio > 1:
                x = functional.avg_pool2d(x, ratio, ceil_mode=True, count_include_pad=False)
        name = f"{layer.name}.link_{source.replace('.', '_')}.projection"
        return self._conv(name, x) if origin.channels != stage.channels else x

    def _front_norm(self, name: str, options: Mapping, x: Tensor) -> Tensor:
        return self._norm(name, options, x) if options["norm_place"] == "pre" else x

    def _norm(self, name: str, options: Mapping, x: Tensor) -> Tensor:
        weight, eps = self._take(f"{name}.weight"), options["norm_eps"]
        if options["norm"] == "rms":
            return functional.rms_norm(x.permute(0, 2, 3, 1), weight.shape, weight, eps).permute(0, 3, 1, 2)
        bias = self._take(f"{name}.bias")
        if options["norm"] == "group":
            return functional.group_norm(x, 1, weight, bias, eps)
        if options["norm"] == "layer":
            return functional.layer_norm(x.permute(0, 2, 3, 1), weight.shape, weight, bias, eps).permute(0, 3, 1, 2)
        mean, variance = self._take(f"{name}.running_mean"), self._take(f"{name}.running_var")
        self._take(f"{name}.num_batches_tracked")
        return functional.batch_norm(x, mean, variance, weight, bias, self.training, 0.1, eps)

    def _conv(self, name: str, x: Tensor, **geometry: int) -> Tensor:
        bias = self._take(f"{name}.bias") if f"{name}.bias" in self.state else None
        return functional.conv2d(x, self._take(f"{name}.weight"), bias, **geometry)

    def _take(self, name: str) -> Tensor:
        self.used.add(name)
        return self.state[name]

    def _kind(self, name: str, role: Role, options: Mapping, site: Site) -> nn.Module:
        """A kind's module with the tensors under that name, all of which it has to take."""
        read = _options(role, options)
        # Initial values would take time, and numbers from stochastic depth.
        with torch.random.fork_rng(devices=[]), no_initial_values():
            module = load(default_registry().of(role, read).module)(read, site)
        own = self.within.get(name, {})
        module.load_state_dict(own, assign=True)  # in their dtype
        self.used |= {f"{name}.{key}" for key in own}
        return module.train(self.training)


def _by_owner(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """For the path of every module the tensors within it, by their names there."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        parts = name.split(".")
        for count in range(1, len(parts)):
            found.setdefault(".".join(parts[:count]), {})[".".join(parts[count:])] = value
    return found


def _options(role: Role, options: Mapping) -> Any:
    kind = default_registry().find(role, options["kind"])
    assert kind is not None
    return kind.load_options().model_validate(options)
