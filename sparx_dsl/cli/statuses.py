"""The statuses with which commands end, besides 0; docs/commands.md lists them."""

from __future__ import annotations

from typing import Final

DIFFERENCE: Final = 1
"""A difference, a budget that is exceeded, or wrong results on this machine."""
ERROR: Final = 2
"""An error in what was given."""
INTERRUPTED: Final = 130
"""Ctrl+C, as shells have it, or SIGTERM."""
