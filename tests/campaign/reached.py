"""Which tests call which functions of a room, so that a fault is given to the tests that can find it."""

from __future__ import annotations

import ast
import bisect
import itertools
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

Function = tuple[str, int]
"""A function by its file and the first line of its code."""


class CallLog:
    """Notes for each function of the files in a folder during which tests it is called, and what each test takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"
        self._tests: dict[Function, set[int]] = {}
        self.seconds: dict[int, float] = {}
        """Of CPU, for each test."""

    @contextmanager
    def test(self, number: int) -> Generator[None]:
        """While a test of that number runs, in any thread that it starts."""

        def note(frame: FrameType, *_: object) -> None:  # of calls alone, where a profiler is told of returns too
            if frame.f_code.co_filename.startswith(self._folder):
                function = (frame.f_code.co_filename, frame.f_code.co_firstlineno)
                self._tests.setdefault(function, set()).add(number)

        before = time.process_time()
        threading.settrace(note)
        sys.settrace(note)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds[number] = time.process_time() - before

    def tests_of(self, file: Path, line: int, most: float) -> tuple[list[int], float]:
        """The quickest tests that call the innermost function with a line, up to so many seconds; and their seconds.

        A function that keeps its results may be called by any test, and is seen in the first alone.
        """
        around = [
            each
            for each in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(each, ast.FunctionDef) and each.lineno <= line <= (each.end_lineno or line)
        ]
        innermost = max(around, key=lambda each: each.lineno)
        first = min([innermost.lineno, *(each.lineno for each in innermost.decorator_list)])
        keeps = any("cache" in ast.unparse(each) for each in innermost.decorator_list)
        callers = self.seconds if keeps else self._tests.get((str(file), first), ())
        tests = sorted(callers, key=self.seconds.__getitem__)
        taken = list(itertools.accumulate(self.seconds[each] for each in tests))
        kept = bisect.bisect_right(taken, most)
        return tests[:kept], taken[kept - 1] if kept else 0.0
