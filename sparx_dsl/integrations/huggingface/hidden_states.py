"""The results of stem and stages, recorded while a backbone runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor

from sparx_dsl import Backbone


@contextmanager
def recorded(model: Backbone, names: Iterable[str]) -> Generator[dict[str, Tensor]]:
    """Within the block, the maps (batch, channels, height, width) of these children of the backbone, by name.

    They are there once the backbone has run. Nothing is hooked where no name is given.
    """
    found: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def hook(module: object, inputs: object, result: Tensor | tuple[Tensor, ...]) -> None:
            # A stage at which links start gives a tuple, its own map first.
            found[name] = result[0] if isinstance(result, tuple) else result

        return hook

    with ExitStack() as hooks:
        for name in names:
            handle = model.get_submodule(name).register_forward_hook(note(name))
            hooks.callback(handle.remove)
        yield found
