"""What every test has at hand: golden texts, the profiles of hypothesis, and one thread for torch."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# What fails in a helper is explained as in a test.
pytest.register_assert_rewrite("tests.support")
pytest_plugins = ("tests.support.golden_text",)

# Set before torch is first imported, which no test does while it is collected without a need.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tables are of one width, whatever terminal the tests are run in.
os.environ["COLUMNS"] = "100"

# A shell that runs the tests in the background lets them ignore interrupts, and so would the processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Strategies of whole specs are rejected or slow to draw now and then; that says nothing about the code.
SUPPRESSED = (HealthCheck.too_slow, HealthCheck.filter_too_much)
settings.register_profile(
    "default", deadline=None, max_examples=60, derandomize="CI" in os.environ, suppress_health_check=SUPPRESSED
)
settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=SUPPRESSED)
settings.register_profile("few", deadline=None, max_examples=8, derandomize=True, suppress_health_check=SUPPRESSED)
settings.load_profile("default")
