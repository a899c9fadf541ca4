"""Mutation testing: how many small faults in a room's code the room's fast tests find.

    python -m tests.campaign.mutated --count 60 --seed 0 reader graph

Each fault is put into one file as it is imported, in a process of its own that is forked from one that has imported
everything but this package. A test that fails, or takes too long, kills the mutant; the others are listed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from tests.campaign.mutants import Mutant, count_mutants, mutant
from tests.campaign.rooms import ROOMS
from tests.support.paths import ROOT

LIBRARIES = ("hypothesis", "networkx", "pydantic", "yaml", "jsonschema", "torch", "numpy")
"""What tests import besides, each once for all mutants."""
ARGUMENTS = ("-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Of pytest, which would warn that some of its plugins were imported before."""
FEW = "--hypothesis-profile=few"
SECONDS = 60
"""Of CPU, after which a mutant is killed as one that never ends."""


class MutatedFile(MetaPathFinder, SourceLoader):
    """Imports one module from another source."""

    def __init__(self, path: Path, source: str) -> None:
        self.path, self.source = path, source
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self.module = name.removesuffix(".__init__")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Itself for its module, and nothing for others."""
        if fullname != self.module:
            return None
        return spec_from_loader(fullname, self, origin=str(self.path), is_package=self.path.stem == "__init__")

    def get_filename(self, fullname: str) -> str:
        """Where the source would be."""
        return str(self.path)

    def get_data(self, path: str | bytes) -> bytes:
        """The source with its fault."""
        return self.source.encode()

    def path_stats(self, path: str) -> dict[str, float]:
        """Nothing that a cache of compiled files could be compared with."""
        raise OSError


def passes(file: Path, fault: Mutant | None, arguments: Sequence[str]) -> bool:
    """Whether tests pass, in a process of their own, with a fault in a file; without one, of the code as it is."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        if fault is not None:
            sys.meta_path.insert(0, MutatedFile(file, fault.source))
        status = 70
        try:
            status = int(pytest.main([*ARGUMENTS, *arguments]))
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def survives(file: Path, fault: Mutant, tests: Sequence[str]) -> bool:
    """Whether no test finds a fault, first with few examples of Hypothesis, then with as many as ever."""
    return passes(file, fault, [FEW, *tests]) and passes(file, fault, tests)


def sampled(room: str, count: int, seed: int) -> list[tuple[Path, Mutant]]:
    """So many mutants of a room, drawn from all."""
    files = sorted((ROOT / "sparx_dsl" / room).rglob("*.py"))
    sources = {file: file.read_text(encoding="utf-8") for file in files}
    places = [(file, number) for file, source in sources.items() for number in range(count_mutants(source))]
    chosen = random.Random(f"{room} {seed}").sample(places, min(count, len(places)))
    return [(file, mutant(sources[file], number)) for file, number in chosen]


def main() -> int:
    """Try a sample of each room's mutants; status 1 where fewer than 92 % of all are killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mutated", description=__doc__)
    parser.add_argument("rooms", nargs="*", help="which rooms (default: all)")
    parser.add_argument("--count", type=int, default=60, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to begin no more of them")
    given = parser.parse_args()
    os.environ["CI"] = "1"  # Hypothesis draws the same for each
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    begun, tried, survivors = time.monotonic(), 0, 0
    for room in given.rooms or ROOMS:
        tests = [str(ROOT / "tests" / f"test_{name}.py") for name in ROOMS[room]]
        if not passes(ROOT, None, [FEW, *tests]):
            raise SystemExit(f"the tests of {room} fail without a fault")
        for file, fault in sampled(room, given.count, given.seed):
            if time.monotonic() - begun > given.seconds:
                break
            tried += 1
            if survives(file, fault, tests):
                survivors += 1
                print(f"{file.relative_to(ROOT)}:{fault.line}: {fault.fault}", flush=True)
        print(f"{room}: {tried} mutants so far, {survivors} survived, {time.monotonic() - begun:.0f} s", flush=True)
    return 0 if survivors <= 0.08 * tried else 1


if __name__ == "__main__":
    sys.exit(main())
