"""Users' code under mypy: what is right passes in strict mode, and each misuse is found at its line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT, TESTS

SETTINGS = """
[mypy]
strict = True
[mypy-sparx_dsl.*]
follow_imports = silent
# What the public names take and give is asked here; reading torch's types takes longer than all the rest.
[mypy-torch.*,numpy.*,networkx.*,optuna.*,pydantic.*,rich.*,jinja2.*]
follow_imports = skip
"""
MISUSES = (
    "sparx_dsl.load_spec(3)",
    "sparx_dsl.cost('swin_t').params.upper()",
    "sparx_dsl.load_spec('swin_t').stages[0].channels = '96'",
    "sparx_dsl.connect(5)",
    "sparx_dsl.build('swin_t', featuers=(1,))",
    "sparx_dsl.build('swin_t').schedule.peak_bytes.name",
    "sparx_dsl.no_such_call()",
)


@pytest.mark.slow
def test_users_code_is_checked(tmp_path: Path) -> None:
    """The consumer has no error; in a file with a misuse on every line, every line has one."""
    misuses = tmp_path / "misuses.py"
    misuses.write_text("\n".join(("import sparx_dsl", *MISUSES, "")), encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(SETTINGS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, str(TESTS / "support" / "consumer.py"), str(misuses)],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    found = re.findall(r"^(?:.*/)?(\w+)\.py:(\d+): error", done.stdout, re.MULTILINE)
    assert sorted(set(found)) == [("misuses", str(line)) for line in range(2, len(MISUSES) + 2)], done.stdout
