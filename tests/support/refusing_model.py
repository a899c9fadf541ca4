"""A model that refuses files, and must be as it was after each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import load_checkpoint
from tests.support.checkpoints import small, snapshot


@dataclass(frozen=True)
class RefusingModel:
    """A model and the values that it had at first."""

    model: Backbone
    before: dict[str, Tensor]

    @classmethod
    def of(cls, family: str) -> RefusingModel:
        """The small backbone of a family."""
        model = small(family)
        return cls(model, snapshot(model))

    @property
    def unchanged(self) -> bool:
        """Whether the model has the values that it had at first."""
        return all(torch.equal(value, self.before[name]) for name, value in self.model.state_dict().items())

    def codes(self, path: Path, **options: Any) -> list[str]:
        """What loading a file is refused for; the model must be as it was."""
        with pytest.raises(sparx_dsl.SparxError) as caught:
            load_checkpoint(self.model, path, **options)
        assert self.unchanged
        for error in caught.value.diagnostics:
            assert error.where.source is not None
            assert error.where.source.name == str(path)
        return [error.code for error in caught.value.diagnostics]


def codes_if_refused(model: Backbone, path: Path, *, strict: bool) -> list[str]:
    """What loading a file is refused for; nothing where it loads. Any other exception fails the test."""
    try:
        load_checkpoint(model, path, strict=strict)
    except sparx_dsl.SparxError as error:
        return [each.code for each in error.diagnostics]
    return []
