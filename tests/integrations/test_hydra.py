"""A spec as a part of a Hydra configuration: composed from files, overridden on the command line, built by Hydra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.utils import instantiate

import sparx_dsl
from tests.support.backbones import mixed, small


def composed(folder: Path, *overrides: str) -> Any:
    """The configuration of a folder in which a spec is one group of several."""
    (folder / "backbone").mkdir()
    for name, spec in {"mixed": mixed(), "windows": small("window_attention")}.items():
        (folder / "backbone" / f"{name}.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    (folder / "train.yaml").write_text("defaults: [{backbone: mixed}, _self_]\nwidth: 24\n", encoding="utf-8")
    with hydra.initialize_config_dir(str(folder), version_base=None):
        return hydra.compose("train", [*overrides])


def test_a_group_of_hydra_is_a_spec(tmp_path: Path) -> None:
    """Mixed kinds, layers by number and links, as the file has them."""
    assert sparx_dsl.parse_spec(composed(tmp_path).backbone) == sparx_dsl.parse_spec(mixed())


def test_overrides_of_the_command_line(tmp_path: Path) -> None:
    """Another group, a value, one of a list, and a reference to another part of the configuration."""
    words = ("backbone=windows", "backbone.stages.0.channels=${width}", "+backbone.stages.1.layer.layer_scale=0.5")
    expected = sparx_dsl.parse_spec(small("window_attention")).edit(
        {"stages.1.channels": 24, "stages.2.layer.layer_scale": 0.5}
    )
    assert sparx_dsl.parse_spec(composed(tmp_path, *words).backbone) == expected


def test_hydra_builds_a_backbone() -> None:
    """By the name of the call, with the spec as its argument, whatever Hydra makes of mappings and lists."""
    config = {"_target_": "sparx_dsl.build", "source": mixed(), "features": [1, 3], "device": "meta"}
    for convert in ("none", "all"):
        model = instantiate({**config, "_convert_": convert})
        assert model.spec == sparx_dsl.parse_spec(mixed())
        assert len(model.feature_info) == 2
