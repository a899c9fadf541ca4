"""Installed packages whose kinds are broken: each is named with its kind and the layer, and harms no other spec.

All of them are installed at once beside a sound one. One process then reads, checks and builds a spec for each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sparx_dsl.language.roles import ROLES, Role
from tests.support.packages import install, kind_files, run_python
from tests.support.paths import SPECS


@dataclass(frozen=True)
class Broken:
    """A sound package of one kind with one text in one of its files exchanged, and what is said of it.

    ``phase`` is the call that finds it: reading the spec, checking it (neither imports torch), or building it.
    """

    phase: str
    code: str
    said: str
    file: str
    old: str
    new: str
    role: Role = "mixer"


OWN, FORWARD, LAYER = "class Own(", "return self.layer(inputs[-1])", "self.layer = "
PROJECTED, COST = "return channels\n", "return tape.convolution(inputs[-1], site.channels)"

CASES: dict[str, Broken] = {
    # The package cannot be asked for its kinds.
    "no_import": Broken("read", "SPX106", "No module named 'torchx'", "__init__", "from typing",
                        "import torchx\nfrom typing"),
    "exits": Broken("read", "SPX106", "SystemExit: 3", "__init__", "from typing", "raise SystemExit(3)\nfrom typing"),
    "syntax": Broken("read", "SPX106", "SyntaxError", "__init__", OWN, "class Own(("),
    "no_kind": Broken("read", "SPX106", "neither a Kind nor a function", "__init__", "KIND = Kind(", "KIND = 3; dict("),
    "raises": Broken("read", "SPX106", "ZeroDivisionError", "__init__", "KIND = Kind(", "KIND = lambda: 1 / 0; dict("),
    "no_kinds": Broken("read", "SPX106", "does not return a Kind", "__init__", "KIND = Kind(",
                       "KIND = lambda: [3]; dict("),
    "no_role": Broken("read", "SPX106", "unknown role 'mixr'", "__init__", 'role="mixer"', 'role="mixr"'),
    "no_name": Broken("read", "SPX106", "not a valid name of a kind", "__init__", 'name="no_name"', 'name="No-Name"'),
    "old_call": Broken("read", "SPX106", "unexpected keyword argument 'builder'", "__init__", "module=", "builder="),
    "nothing": Broken("read", "SPX106", "has no module", "__init__", 'module="p_nothing.module:build", ', ""),
    # Its kind has options that no spec can be read with.
    "no_literal": Broken("read", "SPX106", "do not fix its name", "__init__", 'Literal["no_literal"] =', "str ="),
    "other_name": Broken("read", "SPX106", "do not fix its name", "__init__", 'Literal["other_name"] = "other_name"',
                         'Literal["other"] = "other"'),
    "not_frozen": Broken("read", "SPX106", "can be changed", "__init__", "frozen=True", "frozen=False"),
    "other_role": Broken("read", "SPX106", "do not derive from MixerOptions", "__init__", "class Own(Mixer",
                         "class Own(Ffn"),
    "no_class": Broken("read", "SPX106", "are not a class", "__init__", "options=Own", "options=lambda: Own"),
    "no_options": Broken("read", "SPX106", "AttributeError", "__init__", "options=Own", 'options="p_no_options:Mine"'),
    "no_schema": Broken("read", "SPX106", "PydanticInvalidForJsonSchema", "__init__", "    def projected",
                        "    call: __import__('collections').abc.Callable[[], int] | None = None\n\n    def projected"),
    # Its options do not tell what they have to.
    "projects_nothing": Broken("read", "SPX408", "projected returns None", "__init__", PROJECTED, "pass\n"),
    "projects_zero": Broken("read", "SPX408", "projected returns 0", "__init__", PROJECTED, "return 0\n"),
    "projects_half": Broken("read", "SPX408", "projected returns 8.0", "__init__", PROJECTED, "return channels / 2\n"),
    "projection_fails": Broken("read", "SPX408", "projected raises KeyError: 16", "__init__", PROJECTED,
                               "return {}[channels]\n"),
    "not_told": Broken("read", "SPX408", "projected raises NotImplementedError", "__init__", "def projected",
                       "def other"),
    "unhashable": Broken("read", "SPX408", "hash raises TypeError", "__init__", "    def projected",
                         "    sizes: list[int] = [3]\n\n    def projected"),
    "problems_fail": Broken("read", "SPX408", "problems raises AttributeError", "__init__", "    def projected",
                            "    def problems(self, site):\n        return site.width\n\n    def projected"),
    "problems_of_text": Broken("read", "SPX408", "problems returns even", "__init__", "    def projected",
                               "    def problems(self, site):\n        yield 'even'\n\n    def projected"),
    "validator_fails": Broken("read", "SPX408", "fail with KeyError: 'size'", "__init__", "    def projected",
                              "    def model_post_init(self, context):\n        {}['size']\n\n    def projected"),
    "no_stride": Broken("read", "SPX408", "stride returns None", "__init__", "return 4", "pass", "stem"),
    "no_output": Broken("check", "SPX408", "output returns 7", "__init__", "return (7,)", "return 7", "head"),
    "output_fails": Broken("check", "SPX408", "output raises TypeError", "__init__", "channels, height, width, image",
                           "channels", "head"),
    # Its cost is wrong.
    "no_cost": Broken("check", "SPX406", "has no cost", "__init__", ', cost="p_no_cost.cost:forward"', ""),
    "lost_cost": Broken("check", "SPX407", "AttributeError", "cost", "def forward", "def price"),
    "unnamed_cost": Broken("check", "SPX407", "not name an object", "__init__", "p_unnamed_cost.cost:forward", "price"),
    "cost_fails": Broken("check", "SPX407", "fails with AttributeError", "cost", COST, "return tape.conv(*inputs)"),
    "other_shape": Broken("check", "SPX407", "(1, 8, 8, 8), not the shape (1, 16, 8, 8)", "cost", COST,
                          "return tape.convolution(inputs[-1], 8)"),
    "less_than_free": Broken("check", "SPX407", "negative", "cost", COST, f"tape.weight(-400)\n    {COST}"),
    "half_a_product": Broken("check", "SPX407", "not an integer", "cost", COST, f"tape.multiply(0.5)\n    {COST}"),
    # Its module is not there, or is none.
    "lost_module": Broken("check", "SPX409", "p_lost_module.modules:build", "__init__", ".module:build",
                          ".modules:build"),
    "lost_package": Broken("check", "SPX409", "p_lost.module:build", "__init__", "p_lost_package.module",
                           "p_lost.module"),
    "unnamed_module": Broken("check", "SPX409", "name", "__init__", "p_unnamed_module.module:build", "math"),
    "lost_function": Broken("build", "SPX409", "AttributeError", "module", "def build", "def make"),
    "builder_raises": Broken("build", "SPX409", "ZeroDivisionError", "module", "return Module(",
                             "1 / 0\n    return Module("),
    "builder_gives_none": Broken("build", "SPX409", "not a torch.nn.Module but NoneType", "module", "return Module",
                                 "Module"),
    "builder_gives_class": Broken("build", "SPX409", "not a torch.nn.Module but type", "module",
                                  "Module(site, device=device, dtype=dtype)", "Module"),
    "lazy": Broken("build", "SPX409", "without a shape until it runs", "module", "nn.Conv2d(site.channels, ",
                   "nn.LazyConv2d("),
    # Its module is not what its cost and the plan say.
    "more_parameters": Broken("build", "SPX410", "592 parameters where 576 were planned", "module", LAYER,
                              "self.more = nn.Parameter(torch.zeros(16, **factory))\n        self.layer = "),
    "fewer_parameters": Broken("build", "SPX410", "parameters where", "module", "1, **factory",
                               "1, bias=False, **factory"),
    "one_channel": Broken("build", "SPX411", "(1, 1, 8, 8) where (1, 16, 8, 8) was planned", "module", FORWARD,
                          "return self.layer(inputs[-1]).mean(1, keepdim=True)"),
    "one_position": Broken("build", "SPX411", "(1, 16, 1, 1)", "module", FORWARD,
                           "return self.layer(inputs[-1]).mean((2, 3), keepdim=True)"),
    "other_dtype": Broken("build", "SPX411", "torch.float64 where torch.float32", "module", FORWARD,
                          f"{FORWARD}.double()"),
    "two_maps": Broken("build", "SPX411", "gives tuple, not a tensor", "module", FORWARD, f"{FORWARD}, 0"),
    "looks_at_values": Broken("build", "SPX411", "fails on the device meta", "module", FORWARD,
                              "return self.layer(inputs[-1]) * float(inputs[-1].max())"),
    "stays_on_cpu": Broken("build", "SPX411", "makes layer.weight on another device", "module", "1, **factory", "1"),
    "keeps_the_size": Broken("build", "SPX411", "(1, 32, 8, 8) where (1, 32, 4, 4)", "module", "3, 2, 1, **",
                             "3, 1, 1, **", "downsample"),
    "shrinks_too_much": Broken("build", "SPX411", "(1, 16, 4, 4) where (1, 16, 8, 8)", "module", "4, 4, **", "4, 8, **",
                               "stem"),
    "too_narrow_fusion": Broken("build", "SPX411", "(1, 15, 4, 4)", "module", FORWARD, f"{FORWARD}[:, 1:]", "fusion"),
    "no_residual": Broken("build", "SPX411", "(1, 16, 8, 1)", "module", FORWARD, f"{FORWARD}[..., :1]", "ffn"),
    "other_classes": Broken("build", "SPX411", "(1, 6) where (1, 7)", "module", "self.layer(inputs[-1].mean((2, 3)))",
                            "self.layer(inputs[-1].mean((2, 3)))[:, 1:]", "head"),
}  # fmt: skip

NODES: dict[Role, str] = {
    "stem": "stem", "downsample": "stage2.downsample", "mixer": "stage1.layer2", "fusion": "stage2.layer1",
    "ffn": "stage1.layer2", "head": "head",
}  # fmt: skip
"""Where the kind stands in the backbone."""
PLACE = "stages.1.layers.2.mixer"
"""Where a mixer stands in the spec: its options complain about that, and not about a layer."""


def spec_with(role: Role, name: str) -> dict[str, Any]:
    """A small backbone that has the kind in one place."""
    kind = {"kind": name}
    spec: dict[str, Any] = {
        "sparx": 1, "name": "small", "stem": {"kind": "patch"}, "input": {"size": 32},
        "layer": {"mixer": {"kind": "ssm", "expand": 1, "gate": False}, "ffn": {"kind": "none"}},
        "stages": [{"channels": 16, "depth": 2}, {"channels": 32, "depth": 1, "S": 1}],
        "head": {"kind": "linear", "classes": 7},
    }  # fmt: skip
    if role in ("mixer", "ffn"):
        spec["stages"][0]["layers"] = {2: {role: kind}}
    elif role == "fusion":
        spec["stages"][1] = {"channels": 16, "depth": 1, "S": 1, "layer": {"fusion": kind}}
    else:
        spec[role] = kind
    return spec


PROCESS = """
import ast, json, sys
import sparx_dsl

def mistake_of(call, *given):
    try:
        call(*given)
    except sparx_dsl.SparxError as error:
        mistake, *others = error.diagnostics
        assert not others, others
        return [mistake.code, f"{mistake.message}, at {mistake.where.path}", *mistake.notes]

specs = ast.literal_eval(sys.stdin.read())
with_torch, found = ["torch" in sys.modules], {}
for name, spec in specs.items():
    found[name] = {}
    for phase, call in (("read", sparx_dsl.connect), ("check", sparx_dsl.check)):
        found[name][phase] = mistake_of(call, spec)
with_torch.append("torch" in sys.modules)
for name, spec in specs.items():
    found[name]["build"] = mistake_of(sparx_dsl.build, spec)
print(json.dumps({"found": found, "with_torch": with_torch, "doctor": str(sparx_dsl.doctor())}))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What reading, checking and building said of a spec with each kind, with all packages installed at once."""
    folder = tmp_path_factory.mktemp("packages")
    specs: dict[str, dict[str, Any]] = {"builtin": spec_with("mixer", "ss2d")}
    for role in ROLES:
        install(folder, f"sound_{role}", kind_files(f"sound_{role}", role, f"sound_{role}"))
        specs[f"sound_{role}"] = spec_with(role, f"sound_{role}")
    for name, case in CASES.items():
        files = kind_files(f"p_{name}", case.role, name)
        assert case.old in files[case.file], name
        install(folder, f"p_{name}", {**files, case.file: files[case.file].replace(case.old, case.new)})
        specs[name] = spec_with(case.role, name)
    done = run_python(PROCESS, [folder], stdin=repr(specs))
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


@pytest.mark.parametrize("name", CASES)
def test_a_broken_kind_is_named_by_the_first_call_that_can_see_it(outcome: dict[str, Any], name: str) -> None:
    """Code, package, kind and layer are in the message; the calls before it saw nothing."""
    case, found = CASES[name], outcome["found"][name]
    phases = ("read", "check", "build")
    assert [found[phase] for phase in phases[: phases.index(case.phase)]] == [None] * phases.index(case.phase)
    for phase in phases[phases.index(case.phase) :]:
        code, message, *notes = found[phase]
        assert code == case.code
        if code == "SPX106":
            assert any(f"p_{name} " in note and case.said in note for note in notes), notes
            continue
        assert case.said in message
        assert f"the {case.role} kind {name!r} of p_{name}" in message
        assert f", at {NODES[case.role]}" in message or PLACE in message


def test_other_specs_are_served_as_ever(outcome: dict[str, Any]) -> None:
    """Neither a backbone of built-in kinds nor one of a sound package meets anything of the broken ones."""
    for name in ("builtin", *(f"sound_{role}" for role in ROLES)):
        assert outcome["found"][name] == {"read": None, "check": None, "build": None}, name


def test_nothing_before_building_imports_torch(outcome: dict[str, Any]) -> None:
    """Checks of kinds read no module of theirs."""
    assert outcome["with_torch"] == [False, False]


def test_the_doctor_names_the_packages_that_cannot_be_used(outcome: dict[str, Any]) -> None:
    """Each of them once, and no sound one."""
    lines = [line for line in outcome["doctor"].splitlines() if line.startswith("BROKEN: the package ")]
    unusable = sorted(f"p_{name}" for name, case in CASES.items() if case.code == "SPX106")
    assert sorted(line.split()[3] for line in lines) == unusable


def test_a_name_of_a_built_in_kind_cannot_be_taken(tmp_path: Path) -> None:
    """The built-in kind stays what it is, and the doctor says which package wanted its name."""
    install(tmp_path, "taker", kind_files("taker", "mixer", "ss2d"))
    code = (
        "import sparx_dsl, sys; print(sparx_dsl.cost(sys.argv.pop()).params); from sparx_dsl.cli.main import main; "
        "sys.argv.append('doctor'); main()"
    )
    done = run_python(code, [tmp_path], str(SPECS / "sparx_mamba_t.yaml"))
    assert done.stdout.startswith("27051794\n"), done.stderr
    assert done.returncode == 1
    said = "the package taker has a mixer kind 'ss2d', which cannot be used: sparx_dsl itself has one of that name"
    assert f"BROKEN: {said}" in done.stdout


@pytest.mark.parametrize("lines", [["other = "], ["other = a b c"], ["= sparx"]])
def test_a_malformed_list_of_entry_points_is_one_package_s_fault(tmp_path: Path, lines: list[str]) -> None:
    """Metadata that cannot be read hides neither the built-in kinds nor those of a sound package."""
    install(tmp_path, "sound", kind_files("sound", "mixer", "sound"))
    install(tmp_path, "malformed", {"__init__": ""}, lines)
    code = "import ast, sparx_dsl, sys; sparx_dsl.build(ast.literal_eval(sys.argv[1]))"
    done = run_python(code, [tmp_path], repr(spec_with("mixer", "sound")))
    assert (done.returncode, done.stderr) == (0, "")
