"""Pickles that run code, with a mark by which a test sees whether they did."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Marker:
    """Makes a file or a folder when it is unpickled: by ``subprocess.call``, or by ``os.mkdir``."""

    def __init__(self, path: Path, how: Callable[..., Any] = subprocess.call) -> None:
        self.path = path
        self.how = how

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (self.how, (str(self.path),) if self.how is os.mkdir else (["touch", str(self.path)],))
