"""Coverage-guided fuzzing, by Atheris, of what reads specs, spaces and both kinds of checkpoint.

    python -m tests.campaign.fuzzed spec SECONDS FOLDER

FOLDER keeps the corpus. An exception that is no diagnostic, an answer that takes 10 s, or a gigabyte ends it with a
status other than 0 and the input beside. Atheris, of the extra ``fuzz``, is for Linux.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1")
LONGEST = 4096
"""Bytes of an input."""


def fuzz(target: str, seconds: int, corpus: Path) -> None:
    """Fuzz one target; never returns. Raises ``SystemExit`` where Atheris is not installed."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("fuzzing needs Atheris: pip install 'sparx_dsl[fuzz]'")
    with atheris.instrument_imports(include=["sparx_dsl"]):
        targets = importlib.import_module("tests.campaign.fuzz_targets")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.seeds(target)):
        (corpus / f"seed{number}").write_bytes(seed)
    with TemporaryDirectory() as folder:
        run: Callable[[bytes], None] = targets.TARGETS[target](Path(folder))
        arguments = [sys.argv[0], *LIMITS, f"-max_len={LONGEST}", f"-max_total_time={seconds}", str(corpus)]
        atheris.Setup(arguments, run)
        atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
