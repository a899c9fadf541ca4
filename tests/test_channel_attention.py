"""The compiled kernel for DMCA's attention, against its definition in float64."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.modules.module import register_module_forward_hook
from torch.profiler import ProfilerActivity, profile

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.kinds.fusions.dmca.inference import FusedChannelAggregator
from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.inference import channel_attention
from tests.support.backbones import small
from tests.support.channels import (
    attended_channels,
    channel_attention_arguments,
    expected_channel_attention,
    mixed_channels,
)
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.instructions import each_set, use
from tests.support.kernels import random_map, worst
from tests.support.scans import threads as with_threads
from tests.support.strategies import examples

pytestmark = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))

TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 8e-3}


@settings(max_examples=examples(0.7), deadline=None)
@given(seed=st.integers(0, 10**6), threads=st.integers(1, 3))
def test_channels_attend_as_they_are_defined(seed: int, threads: int) -> None:
    """In groups of any width, over maps of any size and layout, alone and between two other maps."""
    torch.manual_seed(seed)
    arguments = channel_attention_arguments(random.Random(seed))
    with with_threads(threads):
        found = channel_attention(*arguments)
    (expected,) = expected_channel_attention(arguments)
    assert found.shape == expected.shape
    assert not found.numel() or worst(found, expected) < TOLERANCE[found.dtype]


@each_set
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_every_set_of_instructions_attends(
    monkeypatch: pytest.MonkeyPatch, instructions: int, dtype: torch.dtype
) -> None:
    """Over more positions than are added together; a NaN of a key reaches its group, one of a query its channel."""
    use(monkeypatch, instructions)
    torch.manual_seed(0)
    query, key = (random_map(2, 42, 11, 10, dtype) for _ in range(2))
    value, own = (random_map(2, 42, 5, 7, dtype) for _ in range(2))
    expected = attended_channels(query.double(), key.double(), value.double(), 2)
    found = channel_attention(query, key, value, own, 2)
    assert worst(found, mixed_channels(own.double(), expected, value.double())) < TOLERANCE[dtype]
    query[0, 3, 2, 2] = key[1, 30, 0, 0] = math.nan
    lost = channel_attention(query, key, value, None, 2).isnan()
    assert lost[0, 3].all()
    assert lost[1, 21:].all()
    assert int(lost.sum()) == 35 * (1 + 21)


def test_scores_of_any_size_have_a_softmax() -> None:
    """Large ones do not overflow, and equal ones give the mean of a group's channels."""
    query, key, value = (random_map(2, 24, 3, 3) for _ in range(3))
    large = 1e4 * query
    expected = attended_channels(large.double(), key.double(), value.double(), 2)
    assert worst(channel_attention(large, key, value, None, 2), expected) < 1e-5
    mean = value[:, 12:].mean(1, keepdim=True).expand(2, 12, 3, 3)
    assert worst(channel_attention(0 * query, key, value, None, 2)[:, 12:], mean.double()) < 1e-6


def test_the_operator_has_shapes_without_values() -> None:
    """On fake tensors it computes nothing and tells the result's shape and layout."""
    query, value = random_map(2, 6, 2, 2), random_map(2, 6, 4, 5)
    for own in (None, value.clone()):
        arguments = (query, query.clone(), value, own, 3)
        operator = torch.ops.sparx_dsl.channel_attention
        torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))


def test_what_does_not_match_is_refused() -> None:
    """Before an address is taken."""
    query, value = random_map(2, 6, 2, 2), random_map(2, 6, 4, 5)
    with pytest.raises(ValueError, match="6 channels cannot be divided into 4 equal groups"):
        channel_attention(query, query, value, None, 4)
    with pytest.raises(ValueError, match=r"key has shape \(2, 6, 1, 2\)"):
        channel_attention(query, query[:, :, :1], value, None, 2)
    with pytest.raises(ValueError, match=r"own has shape \(2, 6, 2, 2\)"):
        channel_attention(query, query, value, query, 2)
    with pytest.raises(ValueError, match=r"value has dtype torch.bfloat16, but query has torch.float32"):
        channel_attention(query, query, value.bfloat16(), None, 2)
    with pytest.raises(ValueError, match=r"query and key have height and width \(0, 2\): neither can be 0"):
        channel_attention(query[:, :, :0], query[:, :, :0], value, None, 2)


def test_the_module_takes_the_kernel_where_that_serves() -> None:
    """In plain inference; with gradients, and with hooks on all modules, PyTorch's operators give the same."""
    model = trained(sparx_dsl.build(small("ss2d")))
    deployed, images = deploy(model), images_of(model, 2)
    assert any(isinstance(module, FusedChannelAggregator) for module in deployed.modules())
    expected = results(model, images)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        assert worst_error(results(deployed, images), expected) < SINGLE
    assert "channel_attention" in seen.key_averages().table(row_limit=-1)
    with register_module_forward_hook(ignored):
        assert worst_error(results(deployed, images), expected) < SINGLE
    assert worst_error([deployed(images.requires_grad_()).detach()], expected) < SINGLE


def ignored(*_: object) -> None:
    """A hook that changes nothing."""
