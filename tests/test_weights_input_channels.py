"""The first convolution for images of another number of channels, as timm adapts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import load_checkpoint, released_state
from tests.support.checkpoints import SMALL, load_refusal, small, snapshot
from tests.support.torchvision_operators import import_torchvision


def for_channels(family: str, channels: int) -> Backbone:
    """The small backbone of a family for images of so many channels."""
    return sparx_dsl.build(SMALL[family] | {"input": {"channels": channels, "size": 32}}).eval()


def adapted_by_timm(channels: int, weight: Tensor) -> Tensor:
    """What timm's own function makes of a first convolution's weight."""
    import_torchvision()  # as timm does
    from timm.models import adapt_input_conv  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    found: Any = adapt_input_conv(channels, weight)
    return found


def first(model: Backbone) -> str:
    """The name of the weight that reads the image."""
    return next(name for name in model.state_dict() if name.startswith("stem.") and name.endswith("conv.weight"))


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 7])
@pytest.mark.parametrize("family", SMALL)
def test_the_first_convolution_is_timm_s(family: str, channels: int) -> None:
    """Summed for one channel, repeated and scaled for more; all else is the file's; the report names the tensor."""
    trained, model = small(family, 1), for_channels(family, channels)
    for state in (snapshot(trained), dict(released_state(trained, family))):  # pyright: ignore[reportArgumentType]
        report = load_checkpoint(model, state, strict=False)
        name = first(model)
        (resized,) = report.resized
        assert (resized.name, resized.shape[1], resized.source_shape[1]) == (name, channels, 3)
        assert "input channels" in str(report)
        expected = adapted_by_timm(channels, trained.state_dict()[name])
        torch.testing.assert_close(model.state_dict()[name], expected)
        others = {key: value for key, value in snapshot(trained).items() if key != name}
        assert all(torch.equal(model.state_dict()[key], value) for key, value in others.items())


@pytest.mark.parametrize("channels", [1, 6])
@torch.no_grad()
def test_grey_images_give_what_they_gave(channels: int) -> None:
    """In as many channels as were repeated without a cut."""
    trained, model = small("swin", 1), for_channels("swin", channels)
    load_checkpoint(model, snapshot(trained), strict=False)
    grey = torch.rand(2, 1, 32, 32)
    expected = trained(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(model(grey.expand(-1, channels, -1, -1)), expected, atol=1e-5, rtol=1e-4)
    back = small("swin", 5)
    load_checkpoint(back, snapshot(model), strict=False)
    torch.testing.assert_close(back(grey.expand(-1, 3, -1, -1)), expected, atol=1e-5, rtol=1e-4)


def test_it_is_done_on_request_alone(tmp_path: Path) -> None:
    """A strict load says what would be changed, and how to accept that; a kernel of another size is no such change."""
    path = tmp_path / "model.safetensors"
    sparx_dsl.save_checkpoint(small("vmamba"), path)
    (error,) = load_refusal(for_channels("vmamba", 1), path)
    assert (error.code, error.help) == ("SPX626", "pass strict=False to accept what the notes say")
    assert "input channels summed" in error.notes[0]
    stem = {"kind": "patch", "size": 2, "norm": "layer"}
    spec = {**SMALL["swin"], "stem": stem, "input": {"channels": 1, "size": 32}}
    codes = [each.code for each in load_refusal(sparx_dsl.build(spec), snapshot(small("swin")), strict=False)]
    assert codes == ["SPX625"]


def test_a_transfer_adapts_it_too() -> None:
    """To the backbone of a spec that was edited for other images."""
    source = small("sparx_mamba", 1)
    target = sparx_dsl.build(source.spec.edit({"input.channels": 1}))
    report = sparx_dsl.transfer(source, target)
    assert [each.name for each in report.resized] == [first(target)]
    assert not report.missing
