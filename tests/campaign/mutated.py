"""Mutation testing: how many small faults in a room's code the room's fast tests find.

    python -m tests.campaign.mutated --count 60 --seed 0 reader graph

The tests of a room are collected once, and run once to see which of them call which function. For each fault the
process is forked, the code of functions is exchanged, and the tests that call the function with the fault are run, the
quickest first, with few examples of Hypothesis, until one fails; a test that takes too long has failed. What survives
is imported from the start by another process, and given to the files of these tests, or to all, with as many examples
as ever.
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
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tests.campaign.mutants import Mutant, count_mutants, mutant
from tests.campaign.reached import CallLog
from tests.campaign.rooms import ROOMS
from tests.support.paths import ROOT

ARGUMENTS = ("-x", "-q", "-s", "-p", "no:cacheprovider", "-m", "not slow", "-W",
             "ignore::pytest.PytestAssertRewriteWarning")  # fmt: skip
"""Of pytest, which would warn that this module has imported one of its helpers before."""
FEW = "--hypothesis-profile=few"
LONGER = 2
"""How many times the CPU of its tests without a fault a mutant may take; one that takes more is one that never ends."""
LEAST = 5
"""Seconds of CPU that any mutant may take."""
SHARES = (10.0, 120.0)
"""Seconds of CPU without a fault of the tests that a mutant is given in one fork, the quickest, and in the next."""
BROKEN = 70
"""The status of a process that could not run the tests."""
LONGEST = 1200
"""Seconds that all tests may take on a mutant that is imported from the start."""


class FaultyRoom:
    """A plugin of pytest that runs the collected tests once for each fault, in the place of running them once."""

    def __init__(self, folder: Path, faults: Sequence[tuple[Path, int]], until: float) -> None:
        self.folder, self.faults, self.until = folder, faults, until
        self.tried: list[tuple[Path, int]] = []
        self.survivors: dict[tuple[Path, int], set[str]] = {}
        """Each with the files of the tests that it was given to; none where no test calls the function."""
        self.ended = False
        """Whether the tests pass without a fault, and can be run with one."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests without a fault, then, for each fault, those that call its function, the quickest first."""
        log = CallLog(self.folder)
        forget()
        for number, item in enumerate(session.items):
            with log.test(number):
                _run(session, item, session.items[number + 1] if number + 1 < len(session.items) else None)
        functions = [each for each in gc.get_objects() if type(each) is FunctionType]
        for file, number in () if session.testsfailed else self.faults:
            if time.monotonic() > self.until:
                break
            fault = mutant(file.read_text(encoding="utf-8"), number)
            change = functools.partial(exchange, functions, file, fault)
            if all(_passes(session, *share, change) for share in self.shares(session, log, file, fault.line)):
                everywhere, _ = log.tests_of(file, fault.line, float("inf"))
                self.survivors[file, number] = {str(session.items[each].path) for each in everywhere}
            self.tried.append((file, number))
            print(f"{len(self.tried)} of {len(self.faults)}, {len(self.survivors)} to be looked at again", flush=True)
        self.ended = not session.testsfailed
        return True

    @staticmethod
    def shares(
        session: pytest.Session, log: CallLog, file: Path, line: int
    ) -> Iterator[tuple[Sequence[pytest.Item], float]]:
        """The tests that call the function at a line, in the shares in which they are run, with their seconds."""
        given, before = 0, 0.0
        for most in SHARES:
            tests, seconds = log.tests_of(file, line, most)
            if given == 0 or len(tests) > given:
                yield [session.items[each] for each in tests[given:]], seconds - before
            given, before = len(tests), seconds


def _passes(session: pytest.Session, items: Sequence[pytest.Item], seconds: float, change: Callable[[], None]) -> bool:
    """Whether tests that take so many seconds of CPU without the change pass with it, in a fork of this process."""
    most = LEAST + round(LONGER * seconds)
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            change()
            status = 1  # also where the fault breaks pytest itself
            status = int(_fails(session, items))
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == BROKEN:
        raise RuntimeError("the tests could not be run in a fork")
    return status == 0


def _fails(session: pytest.Session, items: Sequence[pytest.Item]) -> bool:
    for item, following in zip(items, [*items[1:], None], strict=True):
        _run(session, item, following)
        if session.testsfailed:
            return True
    return False


def _run(session: pytest.Session, item: pytest.Item, following: pytest.Item | None) -> None:
    session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def exchange(functions: Sequence[FunctionType], file: Path, fault: Mutant) -> None:
    """Give those functions that are a file's the code that they have with the fault, and forget what was computed."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compile(fault.tree, str(file), "exec"))}
    for each in functions:
        if each.__code__.co_filename == str(file):
            code = codes.get((each.__code__.co_qualname, each.__code__.co_firstlineno))
            if code is not None and code.co_freevars == each.__code__.co_freevars:
                each.__code__ = code
    forget()


def forget() -> None:
    """Empty the caches of all functions."""
    for each in gc.get_objects():
        if type(each) is functools._lru_cache_wrapper:  # pyright: ignore[reportPrivateUsage]
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
        faults = sampled(room, given.count, given.seed)
        faulty = FaultyRoom(ROOT / "sparx_dsl" / room, faults, time.monotonic() + given.seconds)
        pytest.main([*ARGUMENTS, FEW, *tests], plugins=[faulty])
        if not faulty.ended:
            raise SystemExit(f"the tests of {room} fail without a fault, or could not be run with one")
        tried += len(faulty.tried)
        left = [
            each
            for each, files in faulty.survivors.items()
            if survives_from_the_start(*each, [test for test in tests if test in files] or tests)
        ]
        survivors += len(left)
        print(f"\n{room}: {len(faulty.tried)} mutants, {len(left)} survived", flush=True)
        for file, number in left:
            fault = mutant(file.read_text(encoding="utf-8"), number)
            print(f"{file.relative_to(ROOT)}:{fault.line}: {fault.fault}", flush=True)
    return 0 if survivors <= 0.08 * tried else 1


if __name__ == "__main__":
    sys.exit(main())
