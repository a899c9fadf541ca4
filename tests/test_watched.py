"""The audit hook of the campaign sees each thing that reading an untrusted file must never do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PROGRAM = """
import sys
from pathlib import Path
from tests.campaign.watched import Watch
import os, socket, subprocess
watch = Watch()
with watch.over([Path(sys.argv[1])]) as seen:
    {statement}
print(len(seen), *seen[:1])
"""


@pytest.mark.parametrize(
    ("statement", "event"),
    [
        ("exec('1')", "compile"), ("import wave", "import"), ("os.system('true')", "os.system"),
        ("subprocess.run(['true'])", "subprocess.Popen"), ("socket.socket().close()", "socket.__new__"),
        ("open(os.devnull).close()", "open"), ("open(sys.argv[1], 'a').close()", "open"),
        ("os.mkdir(sys.argv[1] + '.folder')", "os.mkdir"), ("open(sys.argv[1]).close()", None),
    ],
)  # fmt: skip
def test_a_forbidden_act_is_seen(statement: str, event: str | None, tmp_path: Path) -> None:
    """Code, imports, processes, sockets, other files and written files; to read the file itself is allowed."""
    path = tmp_path / "given.txt"
    path.touch()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement=statement), str(path)],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    number, _, first = done.stdout.strip().partition(" ")
    assert (int(number) > 0) == (event is not None)
    assert first.startswith(event or "")
