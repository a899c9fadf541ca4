"""What an error that was caught says."""

from __future__ import annotations

import pytest

from sparx_dsl import SparxError


def codes(caught: pytest.ExceptionInfo[SparxError]) -> list[str]:
    """The codes of all its diagnostics, in order."""
    return [diagnostic.code for diagnostic in caught.value.diagnostics]
