"""Small backbones to report on, and what every page of a report must hold."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from tests.support.html_tree import Element

SMALL: dict[str, Any] = {
    "sparx": 1,
    "name": "small",
    "input": {"channels": 3, "size": 32},
    "stem": {"kind": "patch", "size": 2},
    "layer": {"dpe": True, "mixer": {"kind": "window_attention", "window": 4, "head_width": 4}, "ffn": {"kind": "mlp"}},
    "stages": [{"channels": 8, "depth": 5, "S": 2, "M": 2}, {"channels": 16, "depth": 3, "S": 1}],
    "head": {"kind": "linear", "classes": 10},
}
OTHER: dict[str, Any] = {
    **SMALL,
    "name": "other",
    "stages": [{"channels": 8, "depth": 5, "S": 1, "M": 3}, {"channels": 16, "depth": 3, "S": 1}],
}
"""An ablation of it: every layer of the first stage is a ganglion layer."""


def check_alone(page: Element) -> None:
    """The page refers to nothing outside itself, and allows only its own style and script, by their digests."""
    for one in page.all():
        outside = {"src", "srcset", "action", "data", "xlink:href", "style"} & one.attributes.keys()
        assert not outside, f"<{one.tag}> has {outside}"
        assert not [name for name in one.attributes if name.startswith("on")], one.attributes
        target = one.attributes.get("href", "#main")
        if "download" in one.attributes:
            assert target.startswith("data:image/svg+xml;base64,")
        else:
            page.by_id(target.removeprefix("#"))
        assert one.tag not in {"link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    (policy,) = (
        one.attributes["content"]
        for one in page.all("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    (style,), (script,) = page.all("style"), page.all("script")
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'", "style-src": f"'{digest(style.raw)}'", "script-src": f"'{digest(script.raw)}'",
        "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    assert not re.search(r"url\(|@import|https?:", style.raw + script.raw)


def digest(text: str) -> str:
    """A text's SHA-256 as a Content-Security-Policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
