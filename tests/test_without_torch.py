"""What needs no torch starts without it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT, SPECS

WITHOUT_TORCH = """
import sys
import sparx_dsl
graph = sparx_dsl.connect(sparx_dsl.load_spec({spec!r}))
graph.explain(graph.nodes[-1].name), str(graph), str(sparx_dsl.plan(graph)), sparx_dsl.cost(graph).macs
sparx_dsl.draw(graph, {picture!r})
sparx_dsl.write_report(graph, {picture!r} + ".html", graph)
sparx_dsl.dump_spec(graph.spec), sparx_dsl.summary(graph), sparx_dsl.report(sparx_dsl.plan(graph))
{extra}
sys.exit("torch is here" if any(name.split(".")[0] == "torch" for name in sys.modules) else 0)
"""


HELP = """
try:
    cli.main()
except SystemExit:
    heavy = {"torch", "numpy", "pydantic", "networkx", "yaml", "optuna", "matplotlib", "jinja2"}
    sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""


def in_a_process(tmp_path: Path, extra: str) -> subprocess.CompletedProcess[str]:
    """Load, connect, plan, price and draw in a process of its own, which fails if torch was imported by then."""
    picture = str(tmp_path / "figure.dot")
    code = WITHOUT_TORCH.format(spec=str(SPECS / "sparx_mamba_t.yaml"), picture=picture, extra=extra)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
    )


def test_everything_before_the_lowering_starts_without_torch(tmp_path: Path) -> None:
    """A spec is loaded, connected, planned, priced, shown and drawn in a process that never imports torch."""
    done = in_a_process(tmp_path, "")
    assert (done.returncode, done.stderr) == (0, "")
    assert "digraph" in (tmp_path / "figure.dot").read_text()


def test_help_imports_nothing_that_commands_work_with() -> None:
    """So that it is there at once."""
    code = f"import sys; sys.argv = ['sparx', '--help']\nimport sparx_dsl.cli.main as cli\n{HELP}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "compare" in done.stdout


def test_an_import_of_torch_would_be_seen(tmp_path: Path) -> None:
    """The same process fails once torch is imported."""
    done = in_a_process(tmp_path, "import torch.fx")
    assert (done.returncode, done.stderr) == (1, "torch is here\n")
