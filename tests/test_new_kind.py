"""What it takes to add a built-in kind: its folder, one line in the registry, its rows in the language reference.

A fusion is added to a copy of the package, where processes and the tests of the pages then run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.support.paths import ROOT

FOLDER = "sparx_dsl/kinds/fusions/feature_mean"
FILES = {
    "__init__": '''
"""The mean of the features."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="fusion",
    name="feature_mean",
    options=f"{__name__}.options:MeanFusion",
    title="mean of features",
    module=f"{__name__}.module:FeatureMean",
    cost=f"{__name__}.cost:forward",
    numbered=False,
)
''',
    "options": '''
"""Options of the fusion ``feature_mean``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.language.roles import FusionOptions


class MeanFusion(FusionOptions, frozen=True):
    """The mean of the features and the input, a depthwise convolution, 1×1 to the mixer's projection."""

    kind: Literal["feature_mean"] = "feature_mean"
    conv: Annotated[int, Field(ge=1, le=7)] = 3
''',
    "module": '''
"""The mean of the features, as a fusion."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.kinds.fusions.feature_mean.options import MeanFusion
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.init import Factory


class FeatureMean(nn.Module):
    """Their mean is added to the input."""

    def __init__(self, options: MeanFusion, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.features = site.features
        self.conv = depthwise(site.channels, options.conv, **factory)
        self.projection = pointwise(site.channels, site.out_channels, **factory)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        return self.projection(self.conv(x + torch.unflatten(features, 1, (self.features, -1)).mean(1)))
''',
    "cost": '''
"""The forward pass of the fusion by means, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.feature_mean.options import MeanFusion
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: MeanFusion, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
    summed = tape.elementwise(x, tape.new(*x.shape))
    return tape.convolution(tape.depthwise(summed, options.conv), site.out_channels)
''',
}
ROWS = """**`feature_mean`**: the mean of the features is added to the input.

<!-- table: fusion feature_mean -->

| option | values | default | meaning |
| --- | --- | --- | --- |
| `conv` | 1 to 7 | `3` | Side of the depthwise convolution. |

"""

USE = """
import copy, pickle
import torch
import sparx_dsl
from sparx_dsl.kinds.fusions.feature_mean.module import FeatureMean
from tests.support.saved_tensors import saved_by_torch

text = '''
sparx: 1
name: averaged
input: {size: 32}
stem: {kind: patch}
layer: {mixer: {kind: ss2d}, fusion: {kind: feature_mean, conv: 5}}
stages: [{channels: 16, depth: 4, S: 2}, {channels: 32, depth: 2, S: 1, M: all}]
head: {kind: linear, classes: 10}
'''
spec = sparx_dsl.parse_spec(text)
assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec
graph = sparx_dsl.connect(spec)
assert "feature_mean" in graph.explain("stage1.layer4")
assert "mean of features" in sparx_dsl.dot(spec)

price, model = sparx_dsl.cost(spec, batch=2), sparx_dsl.build(spec)
assert price.params == sum(tensor.numel() for tensor in model.parameters())
assert sparx_dsl.prices(spec, batch=2) == price.totals
assert price.saved_bytes == sum(saved_by_torch(price.schedule).values())
assert sum(isinstance(module, FeatureMean) for module in model.modules()) == 4

images, labels = torch.randn(2, 3, 32, 32), torch.tensor([1, 2])
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
losses = []
for _ in range(2):
    losses.append(torch.nn.functional.cross_entropy(model(images), labels))
    optimizer.zero_grad()
    losses[-1].backward()
    optimizer.step()
assert losses[1] < losses[0]

expected = model.eval()(images)
torch.testing.assert_close(sparx_dsl.deploy(model)(images), expected, rtol=1e-4, atol=1e-5)
sparx_dsl.save_checkpoint(model, "averaged.safetensors")
for twin in (sparx_dsl.build("averaged.safetensors").eval(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
    torch.testing.assert_close(twin(images), expected)
edit = spec.insert_layer("stage1", after=2)
assert sparx_dsl.transfer(model, sparx_dsl.build(edit.spec), edit.renames)

space = sparx_dsl.make_space(spec, {"layer.fusion": [{"kind": "feature_mean", "conv": side} for side in (1, 3, 7)]})
assert space.count == 3
rows = space.sample_many(8, 0)
assert [int(macs) for macs in space.prices_of(rows).macs] == [space.prices(space.point_at(row)).macs for row in rows]
print("used")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, its tests and its pages, with the fusion's folder and its name in the registry."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("sparx_dsl", "tests", "docs", "specs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    (copy / FOLDER).mkdir()
    for name, text in FILES.items():
        (copy / FOLDER / f"{name}.py").write_text(text.lstrip(), encoding="utf-8")
    registry = copy / "sparx_dsl" / "registry.py"
    listed = re.compile(r'("fusion": \(.*)\),$', re.MULTILINE)
    text, count = listed.subn(r'\1, "feature_mean"),', registry.read_text(encoding="utf-8"))
    assert count == 1
    registry.write_text(text, encoding="utf-8")
    return copy


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def failures(tree: Path, *files: str) -> set[str]:
    """The tests of these files that fail in the copy."""
    words = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", *(f"tests/{name}" for name in files))
    done = run(tree, "-m", "pytest", *words)
    assert done.returncode in (0, 1), done.stdout
    return {line.split("::")[1].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}


def differences(tree: Path) -> Iterator[tuple[str, int]]:
    """Every file of the copy's package and pages that is not as here, with the lines that are added or changed."""
    for path in sorted((*tree.glob("sparx_dsl/**/*.py"), *tree.glob("docs/*.md"))):
        here = ROOT / path.relative_to(tree)
        before = here.read_text(encoding="utf-8") if here.exists() else ""
        after = path.read_text(encoding="utf-8")
        if before != after:
            lines = unified_diff(before.splitlines(), after.splitlines(), n=0)
            yield path.relative_to(tree).as_posix(), sum(line[0] == "+" and line[:3] != "+++" for line in lines)


def test_a_folder_and_a_line_make_a_fusion(tree: Path) -> None:
    """Read, explained, drawn, priced, built, trained, deployed, saved, transferred and searched like any other."""
    done = run(tree, "-c", USE)
    assert (done.stdout, done.stderr) == ("used\n", "")


def test_the_pages_ask_for_its_rows_and_for_nothing_else(tree: Path) -> None:
    """Without them the tests of the language reference fail, with them none does; in all, three places are touched."""
    missing = {"test_every_model_and_kind_has_its_table", "test_every_kind_has_a_heading[fusion-feature_mean]"}
    general = ("test_docs_tables.py", "test_catalogue.py", "test_house.py", "test_kind_folders.py")
    assert failures(tree, *general) == missing
    page = tree / "docs" / "language.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("**`concat`**", f"{ROWS}**`concat`**", 1), encoding="utf-8")
    assert failures(tree, "test_docs_tables.py") == set()
    touched = dict(differences(tree))
    assert touched.pop("docs/language.md") == len(ROWS.splitlines())
    assert touched.pop("sparx_dsl/registry.py") == 1
    assert {Path(name).parent.as_posix() for name in touched} == {FOLDER}
