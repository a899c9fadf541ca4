"""Mutation testing: how many small faults in a room's code the room's fast tests find.

    python -m tests.campaign.mutated --count 60 --seed 0 reader graph

The tests of a room are collected once. For each fault the process is forked, the code of functions is exchanged, and
the tests are run, with few examples of Hypothesis, until one fails; a test that takes too long has failed. What
survives is imported from the start by another process, and given to all tests with as many examples as ever.
"""

from __future__ import annotations

import argparse
import functools
import gc
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tests.campaign.mutants import Mutant, count_mutants, mutant
from tests.campaign.rooms import ROOMS
from tests.support.paths import ROOT

ARGUMENTS = ("-x", "-q", "-s", "-p", "no:cacheprovider", "-m", "not slow", "-W",
             "ignore::pytest.PytestAssertRewriteWarning")  # fmt: skip
"""Of pytest, which would warn that this module has imported one of its helpers before."""
FEW = "--hypothesis-profile=few"
LONGER = 4
"""How many times the CPU of the tests without a fault a mutant may take; one that takes more is one that never ends."""
LEAST = 20
"""Seconds of CPU that any mutant may take."""
BROKEN = 70
"""The status of a process that could not run the tests."""
LONGEST = 1200
"""Seconds that all tests may take on a mutant that is imported from the start."""


class FaultyRoom:
    """A plugin of pytest that runs the collected tests once for each fault, in the place of running them once."""

    def __init__(self, faults: Sequence[tuple[Path, int]], until: float) -> None:
        self.faults, self.until = faults, until
        self.tried: list[tuple[Path, int]] = []
        self.survivors: list[tuple[Path, int]] = []
        self.sound = False
        """Whether the tests pass without a fault."""
        self.ended = False
        """Whether nothing went wrong with the plugin itself."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests without a fault, then with each."""
        self.sound, taken = _passes(session, None, LONGEST)
        for file, number in self.faults if self.sound else ():
            if time.monotonic() > self.until:
                break
            fault = (file, mutant(file.read_text(encoding="utf-8"), number))
            if _passes(session, fault, max(LEAST, round(LONGER * taken)))[0]:
                self.survivors.append((file, number))
            self.tried.append((file, number))
        self.ended = True
        return True


def _passes(session: pytest.Session, fault: tuple[Path, Mutant] | None, most: int) -> tuple[bool, float]:
    """Whether all tests pass in a fork of this process within so many seconds of CPU, and how many it took."""
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            if fault is not None:
                exchange(*fault)
            status = int(_fails(session))
        finally:
            os._exit(status)
    _, ended, used = os.wait4(child, 0)
    status = os.waitstatus_to_exitcode(ended)
    if status == BROKEN:
        raise RuntimeError(f"a fault could not be put into {fault and fault[0]}")
    return status == 0, used.ru_utime + used.ru_stime


def _fails(session: pytest.Session) -> bool:
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return True
    return False


def exchange(file: Path, fault: Mutant) -> None:
    """Give every function of a file the code that it has with the fault, and forget what was computed before."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compile(fault.tree, str(file), "exec"))}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename == str(file):
            code = codes.get((each.__code__.co_qualname, each.__code__.co_firstlineno))
            if code is not None and code.co_freevars == each.__code__.co_freevars:
                each.__code__ = code
        elif type(each) is functools._lru_cache_wrapper:  # pyright: ignore[reportPrivateUsage]
            each.cache_clear()  # isinstance would ask objects of torch that warn


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def survives_from_the_start(file: Path, number: int, tests: Sequence[str]) -> bool:
    """Whether a fault that is there when its file is imported is found by no test either."""
    command = [sys.executable, "-m", "tests.campaign.mutated", "--imported", f"{file}:{number}", *tests]
    try:
        ran = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0


def run_imported(file: Path, number: int, tests: Sequence[str]) -> int:
    """Run tests on a file that has the fault from the start; the status of pytest."""
    original = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if self.path != str(file):
            return original(self, fullname)
        return compile(mutant(file.read_text(encoding="utf-8"), number).tree, self.path, "exec")

    SourceFileLoader.get_code = get_code
    return int(pytest.main([*ARGUMENTS, *tests]))


def sampled(room: str, count: int, seed: int) -> list[tuple[Path, int]]:
    """So many faults of a room, drawn from all: each a file and the fault's number in it."""
    files = sorted((ROOT / "sparx_dsl" / room).rglob("*.py"))
    places = [(file, number) for file in files for number in range(count_mutants(file.read_text(encoding="utf-8")))]
    return random.Random(f"{room} {seed}").sample(places, min(count, len(places)))


def main() -> int:
    """Try a sample of each room's mutants; status 1 where fewer than 92 % of all are killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mutated", description=__doc__)
    parser.add_argument("rooms", nargs="*", help="which rooms (default: all)")
    parser.add_argument("--count", type=int, default=60, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for a room, when to begin no more of them")
    parser.add_argument("--imported", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ["CI"] = "1"  # Hypothesis draws the same for each
    if given.imported:
        file, _, number = given.imported.rpartition(":")
        return run_imported(Path(file), int(number), given.rooms)
    tried, survivors = 0, 0
    for room in given.rooms or ROOMS:
        tests = [str(ROOT / "tests" / f"test_{name}.py") for name in ROOMS[room]]
        faulty = FaultyRoom(sampled(room, given.count, given.seed), time.monotonic() + given.seconds)
        pytest.main([*ARGUMENTS, FEW, *tests], plugins=[faulty])
        if not (faulty.sound and faulty.ended):
            raise SystemExit(f"the tests of {room} fail without a fault, or could not be run with one")
        tried += len(faulty.tried)
        left = [place for place in faulty.survivors if survives_from_the_start(*place, tests)]
        survivors += len(left)
        print(f"\n{room}: {len(faulty.tried)} mutants, {len(left)} survived", flush=True)
        for file, number in left:
            fault = mutant(file.read_text(encoding="utf-8"), number)
            print(f"{file.relative_to(ROOT)}:{fault.line}: {fault.fault}", flush=True)
    return 0 if survivors <= 0.08 * tried else 1


if __name__ == "__main__":
    sys.exit(main())
