"""The names of modules and parameters without what wrappers of PyTorch put into them."""

from __future__ import annotations

from typing import Final

INNER_WRAPPERS: Final = frozenset({"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"})
"""Names within wrappers that no spec can have, so that they are never those of a stage or a part."""
WRAPPERS: Final = INNER_WRAPPERS | {"module"}
"""What wrappers of PyTorch put into the names of what they wrap."""


def path_without_wrappers(path: str) -> str:
    """The path of a module or a parameter as it is before anything is wrapped."""
    return ".".join(part for part in path.split(".") if part not in WRAPPERS)
