"""What the language takes where a spec names nothing."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import ValidationError

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.base import KindOptions, NormName
from sparx_dsl.language.roles import Role
from sparx_dsl.registry import default_registry

OptionsT = TypeVar("OptionsT", bound=KindOptions)

DEFAULT_KINDS: Final[Mapping[Role, str]] = {"downsample": "conv", "fusion": "dmca", "ffn": "mlp", "head": "none"}
"""The kind of each role that has a default."""
DEFAULT_NORM: Final[NormName] = "layer"


def default_options(role: Role, base: type[OptionsT]) -> OptionsT:
    """The kind that stands where a spec names none, with its own defaults."""
    options = _options(role, default_registry().revision)
    assert isinstance(options, base)
    return options


@functools.lru_cache(maxsize=len(DEFAULT_KINDS))
def _options(role: Role, revision: int) -> KindOptions:
    kind = default_registry().find(role, DEFAULT_KINDS[role])
    if kind is None:
        message = f"the {role} kind {DEFAULT_KINDS[role]!r}, the default, is not registered"
        raise SparxError(Diagnostic(Code.UNREGISTERED_KIND, message, help="register it"))
    try:
        return kind.load_options()(kind=kind.name)
    except ValidationError as error:
        message = f"{kind} is the default, and its options lack default values"
        raise SparxError(Diagnostic(Code.INVALID_KIND_OPTIONS, message, help="give every option a default")) from error
