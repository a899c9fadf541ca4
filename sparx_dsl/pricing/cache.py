"""Caches of prices, which are emptied when other kinds are registered: no price outlives the cost that it came from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sparx_dsl.registry import default_registry

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def cached_with_kinds(maxsize: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """``functools.lru_cache`` for a function of its arguments and of the registered kinds."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        cached, revision = functools.lru_cache(maxsize)(function), -1

        @functools.wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            nonlocal revision
            now = default_registry().revision
            if revision != now:
                cached.cache_clear()
                revision = now
            return cached(*args, **kwargs)  # pyright: ignore[reportArgumentType]

        return call

    return decorate
