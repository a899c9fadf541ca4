"""What can be wrong with a call of ``sparx search``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sparx_dsl.cli.main import main
from sparx_dsl.cli.search import with_address
from tests.support import studies


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: object) -> int:
    """Run ``sparx search`` on the small space in this process; its exit status."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["sparx", "search", str(studies.space_file(folder)), *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--objective", "nowhere:find"), "SPX751"),
        (("--objective", "params", "--sampler", "best"), "SPX755"),
        (("--objective", "params", "--direction", "down"), "SPX756"),
        (("--objective", "params", "--study", "nowhere.txt"), "SPX752"),
        (("--objective", "params", "--trials", -3), "SPX759"),
        (("--objective", "tests.support.studies:two", "--trials", 2), "SPX757"),
        (("--objective", "tests.support.studies:all_fail", "--trials", 2), "SPX762"),
        ((), "SPX751"),
        (("--study", "a.journal"), "SPX751"),
    ],
)
def test_the_command_reports_mistakes(arguments: tuple[object, ...], code: str, monkeypatch: pytest.MonkeyPatch,
                                      tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """With the status 2 and the code, and no traceback of ours."""
    assert run(monkeypatch, tmp_path, *arguments, "--format", "concise") == 2
    shown = capsys.readouterr()
    assert code in shown.err
    assert "sparx_dsl/" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["s.yaml", "--ray"], ["s.yaml", "--ray", "local"]),
        (["--ray", "s.yaml"], ["--ray", "local", "s.yaml"]),
        (["s.yaml", "--ray", "--seed", "1"], ["s.yaml", "--ray", "local", "--seed", "1"]),
        (["s.yaml", "--ray", "auto"], ["s.yaml", "--ray", "auto"]),
        (["s.yaml", "--ray", "10.0.0.1:6379"], ["s.yaml", "--ray", "10.0.0.1:6379"]),
        (
            ["s.yaml", "--ray", "ray://head:10001", "--seed", "1"],
            ["s.yaml", "--ray", "ray://head:10001", "--seed", "1"],
        ),
        (["s.yaml"], ["s.yaml"]),
    ],
)
def test_ray_may_stand_without_an_address(given: list[str], read: list[str]) -> None:
    """What follows is an address where it looks like one."""
    assert with_address(given) == read
