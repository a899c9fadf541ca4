"""A folder of transformers' kind whose config.json names code, a repository or a guard's name: none of it is followed.

Public incidents behind it: CVE-2026-4372, where a key of a configuration ran code of the hub though nobody trusted it,
and CVE-2026-5241, where a configuration switched the guard off in a call within the call.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import sparx_dsl
from tests.support.backbones import tiny
from tests.support.huggingface_models import classifier_of, ours, transformers

MARK = "code_of_the_folder_ran"
CODE = f"import pathlib\npathlib.Path(__file__).with_name('{MARK}').touch()\nclass It: pass\n"
HUB = "nobody/nothing"
AUTO = ("Config", "Model", "Backbone", "ModelForImageClassification", "ImageProcessor")
IGNORED: dict[str, dict[str, Any]] = {
    "code beside": {"auto_map": {f"Auto{what}": "evil.It" for what in AUTO}},
    "code on the hub": {"auto_map": {f"Auto{what}": f"{HUB}--evil.It" for what in AUTO}},
    "the guard": {"trust_remote_code": True, "auto_map": {"AutoModelForImageClassification": "evil.It"}},
    "a kernel, by a name of transformers' own": {"_attn_implementation_internal": HUB},
    "a backbone": {"backbone": HUB, "use_pretrained_backbone": True, "use_timm_backbone": True, "backbone_kwargs": {}},
    "another class": {"architectures": ["evil.It"], "tokenizer_class": "evil.It"},
    "a pipeline": {"custom_pipelines": {"image-classification": {"impl": "evil.It", "pt": ["AutoModel"]}}},
    "another way to quantize": {"quantization_config": {"quant_method": HUB}},
}
REFUSED: dict[str, dict[str, Any]] = {
    "a kernel": {"attn_implementation": HUB},
    "a kernel with a guard's name": {"_attn_implementation": f"{HUB}:it", "allow_all_kernels": True},
    "a kernel of experts": {"experts_implementation": HUB},
    "a kernel of a part": {"attn_implementation": {"backbone_config": f"{HUB}@main"}},
}

connected: list[str] = []
"""Events of the audit hook, which stays for the life of the process."""


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what would reach another machine, or start a process."""
    if event.startswith(("socket.connect", "socket.getaddrinfo", "subprocess.", "os.system", "os.posix_spawn")):
        connected.append(f"{event} {arguments!r:.100}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that was saved, with code beside it."""
    sys.addaudithook(hook)
    path = tmp_path_factory.mktemp("saved")
    classifier_of(tiny()).save_pretrained(path)
    (path / "evil.py").write_text(CODE, encoding="utf-8")
    return path


@pytest.fixture
def write(folder: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Put keys into the configuration for a while; then assert that nothing was run, and nobody asked."""
    config = folder / "config.json"
    plain = config.read_text(encoding="utf-8")
    connected.clear()
    yield partial(put, config, json.loads(plain))
    config.write_text(plain, encoding="utf-8")
    assert connected == []
    assert MARK not in os.listdir(folder)
    assert "evil" not in sys.modules


def put(config: Path, plain: dict[str, Any], keys: dict[str, Any]) -> None:
    """Write a configuration with more keys."""
    config.write_text(json.dumps(plain | keys), encoding="utf-8")


def loaders() -> list[Any]:
    """What reads a folder, and makes a configuration or a classifier of it."""
    return [
        transformers().AutoConfig,
        transformers().AutoModelForImageClassification,
        ours().SparxForImageClassification,
    ]


@pytest.mark.parametrize("keys", IGNORED.values(), ids=IGNORED)
def test_no_key_of_a_configuration_names_code(
    keys: dict[str, Any], folder: Path, write: Callable[[dict[str, Any]], None]
) -> None:
    """The folder gives what its spec says, whatever else its configuration has."""
    write(keys)
    found: list[type[object]] = [type(loader.from_pretrained(folder)) for loader in loaders()]
    classifier = ours().SparxForImageClassification
    assert found == [ours().SparxConfig, classifier, classifier]


@pytest.mark.parametrize("keys", REFUSED.values(), ids=REFUSED)
def test_a_kernel_of_the_hub_is_refused(
    keys: dict[str, Any], folder: Path, write: Callable[[dict[str, Any]], None]
) -> None:
    """transformers loads code of the repository that such a key names."""
    write(keys)
    for loader in loaders():
        with pytest.raises(sparx_dsl.SparxError, match=r"SPX560 .*names a kernel of the hub"):
            loader.from_pretrained(folder)
