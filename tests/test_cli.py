"""The commands: what they print, where they write, how they fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl.cli.main import compile_main, main
from tests.support.paths import ROOT, SPECS

TINY = SPECS / "sparx_mamba_t.yaml"


PAPER = ("figures.yaml", "dense_prediction.yaml", "detection.yaml", "resolutions.yaml")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run ``sparx`` with these arguments in this process; its exit status."""
    monkeypatch.setattr(sys, "argv", ["sparx", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_compile_says_what_came_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Stages, ganglion layers, sizes, memory, and the compiled module's own count."""
    assert 0 == run(monkeypatch, "compile", TINY)
    shown = capsys.readouterr().out
    price = sparx_dsl.cost(TINY)
    for part in ("{1, 3, 5,", "27.1 M", "5.3 G", f"{price.params:,} parameters", "Peak feature memory", "Time:"):
        assert part in shown


def test_sparx_compile_is_sparx_compile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The short command prints the same schedule."""
    monkeypatch.setattr(sys, "argv", ["sparx-compile", str(TINY), "--emit", "schedule"])
    with pytest.raises(SystemExit) as stopped:
        compile_main()
    assert 0 == (stopped.value.code or 0)
    short = capsys.readouterr().out
    run(monkeypatch, "compile", TINY, "--emit", "schedule")
    assert short == capsys.readouterr().out == f"{sparx_dsl.plan(TINY)}\n"


def test_every_text_that_compile_emits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Graph, DOT, YAML, JSON and Python are those of the library."""
    shown: dict[str, str] = {}
    for emit in ("graph", "dot", "yaml", "json", "python"):
        assert 0 == run(monkeypatch, "compile", TINY, "--emit", emit)
        shown[emit] = capsys.readouterr().out
    assert shown["graph"] == f"{sparx_dsl.connect(TINY)}\n"
    assert shown["dot"].rstrip() == sparx_dsl.dot(TINY).rstrip()
    assert sparx_dsl.parse_spec(shown["yaml"]) == sparx_dsl.load_spec(TINY)
    assert json.loads(shown["json"])["params"] == sparx_dsl.cost(TINY).params
    assert "stage3_layer3_fusion = self.stage3.layer3.fusion" in shown["python"]


def test_size_batch_and_dtype_change_the_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--size takes one number or height x width."""
    run(monkeypatch, "compile", TINY, "--emit", "json", "--size", "96x128", "--batch", 2, "--dtype", "bfloat16")
    shown = json.loads(capsys.readouterr().out)
    expected = sparx_dsl.plan(TINY, (96, 128), 2, "bfloat16")
    assert [96, 128] == shown["size"]
    assert expected.peak_bytes == shown["peak_bytes"]


def test_output_goes_to_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """-o writes the text there and nothing to the terminal."""
    target = tmp_path / "schedule.txt"
    assert 0 == run(monkeypatch, "compile", TINY, "--emit", "schedule", "-o", target)
    assert "" == capsys.readouterr().out
    assert f"{sparx_dsl.plan(TINY)}\n" == target.read_text(encoding="utf-8")


def test_head_replaces_the_head(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--head is an edit of the spec: another kind with its defaults, also where the spec's own is of that kind."""
    spec = sparx_dsl.load_spec(SPECS / "swin_t.yaml")
    upernet, plain = spec.edit({"head": {"kind": "upernet"}}), spec.edit({"head": None})
    expected = {
        ("compile", "--head", "upernet", "--emit", "schedule", "--size", "64"): str(sparx_dsl.plan(upernet, (64, 64))),
        ("compile", "--head", "upernet", "--explain", "head"): sparx_dsl.connect(upernet).explain("head"),
        ("cost", "--head", "none"): sparx_dsl.cost_table(sparx_dsl.cost(plain)),
    }
    for (command, *options), text in expected.items():
        assert 0 == run(monkeypatch, command, SPECS / "swin_t.yaml", *options)
        assert text.rstrip("\n") == capsys.readouterr().out.rstrip("\n")


def test_a_head_of_the_same_kind_has_its_defaults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """--head linear makes 1000 classes of a spec's 10."""
    path = tmp_path / "ten.yaml"
    ten = sparx_dsl.load_spec(SPECS / "swin_t.yaml").edit({"head.classes": 10})
    path.write_text(sparx_dsl.dump_spec(ten), encoding="utf-8")
    assert 0 == run(monkeypatch, "compile", path, "--head", "linear", "--emit", "yaml")
    assert 1000 == sparx_dsl.parse_spec(capsys.readouterr().out).head.output(768, 7, 7, (224, 224))[0]


def test_draw_writes_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the file's extension, or by --emit."""
    assert 0 == run(monkeypatch, "draw", TINY, "-o", tmp_path / "a.svg")
    assert 0 == run(monkeypatch, "compile", TINY, "--emit", "png", "-o", tmp_path / "b.png")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (("draw", TINY), b"<svg"),
        (("compile", TINY, "--emit", "svg"), b"<svg"),
        (("compile", TINY, "--emit", "dot"), b"digraph"),
        (("compile", TINY, "--emit", "schedule"), b"sparx_mamba_t"),
    ],
    ids=["draw", "svg", "dot", "schedule"],
)
def test_a_hyphen_is_standard_output(
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
    arguments: tuple[object, ...],
    start: bytes,
) -> None:
    """-o - prints what the file would hold, byte by byte, and writes no file."""
    monkeypatch.chdir(tmp_path)
    assert 0 == run(monkeypatch, *arguments, "-o", "-")
    shown = capsysbinary.readouterr().out
    assert [] == list(tmp_path.iterdir())
    assert start in shown[:60]
    path = tmp_path / f"figure.{arguments[-1] if '--emit' in arguments else 'svg'}"
    assert 0 == run(monkeypatch, *arguments, "-o", path)
    assert path.read_bytes() == shown


def test_explain_cost_diff_check_paper_and_schema(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each subcommand prints what its function returns."""
    wider = SPECS / "ablations" / "window_2.yaml"
    figures = SPECS / "paper" / "figures.yaml"
    expected = {
        ("explain", TINY): sparx_dsl.connect(TINY).explain(),
        ("explain", TINY, "stage3.layer5"): sparx_dsl.connect(TINY).explain("stage3.layer5"),
        ("compile", TINY, "--explain", "stem"): sparx_dsl.connect(TINY).explain("stem"),
        ("explain", "SPX213"): sparx_dsl.explain_code("SPX213"),
        ("cost", TINY): sparx_dsl.cost_table(sparx_dsl.cost(TINY)),
        ("diff", TINY, wider): sparx_dsl.difference(TINY, wider),
        ("check", TINY, wider): "2 specs without errors",
        ("paper", figures): str(sparx_dsl.paper_listing([figures])),
        ("paper", "--markdown"): "\n".join(sparx_dsl.paper_page(figures.with_name(name)) for name in PAPER),
        ("schema",): json.dumps(sparx_dsl.json_schema(), indent=2),
    }
    monkeypatch.chdir(ROOT)
    for arguments, text in expected.items():
        assert int(arguments[0] == "diff") == run(monkeypatch, *arguments)
        assert text.rstrip("\n") == capsys.readouterr().out.rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("compile", "absent.yaml"), "SPX501"),
        (("compile", TINY, "--head", "upernt"), "SPX106"),
        (("compile", TINY, "--size", "0"), "SPX520"),
        (("compile", TINY, "--size", "12x"), "SPX520"),
        (("compile", TINY, "--emit", "svg"), "SPX521"),
        (("compile", TINY, "--emit", "svg", "-o", "a.png"), "SPX522"),
        (("draw", TINY, "-o", "picture.bmp"), "SPX511"),
        (("draw", TINY, "-o", "absent/picture.svg"), "SPX502"),
        (("compile", TINY, "--emit", "graph", "-o", "absent/graph.txt"), "SPX502"),
        (("explain", TINY, "stage3.layr5"), "SPX310"),
        (("explain", "SPX999"), "SPX530"),
        (("paper", TINY), "SPX540"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_diagnostics(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[object, ...],
    code: str,
) -> None:
    """Status 2, the code on standard error, nothing on standard output, nothing written."""
    monkeypatch.chdir(tmp_path)
    assert 2 == run(monkeypatch, *arguments, "--format", "json")
    shown = capsys.readouterr()
    assert code in {mistake["code"] for mistake in json.loads(shown.err)}
    assert "" == shown.out
    assert [] == list(tmp_path.iterdir())


def test_check_reports_the_mistakes_of_all_specs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two broken files in one run: two mistakes, each with its file."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(
            f"sparx: 1\nname: {name}\nstem: {{kind: cnv}}\nstages: [{{channels: 8, depth: 1}}]\n"
        )
    assert 2 == run(monkeypatch, "check", tmp_path / "one.yaml", tmp_path / "two.yaml", "--format", "concise")
    shown = capsys.readouterr().err
    assert "one.yaml:3:" in shown
    assert "two.yaml:3:" in shown


def test_the_installed_commands_run() -> None:
    """``python -m sparx_dsl`` as a process of its own: version, and status 2 without a traceback for nonsense."""
    version = subprocess.run(
        [sys.executable, "-m", "sparx_dsl", "--version"], capture_output=True, text=True, check=True
    )
    assert f"sparx_dsl {sparx_dsl.__version__}\n" == version.stdout
    wrong = subprocess.run(
        [sys.executable, "-m", "sparx_dsl", "compile", "--no-such-option"], capture_output=True, text=True, check=False
    )
    assert 2 == wrong.returncode
    assert "Traceback" not in wrong.stderr
