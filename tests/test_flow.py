"""What a kind says that it is inside: boxes, and arrows between them."""

from __future__ import annotations

import pytest

from sparx_dsl.language.flow import Flow, Operation, Wire


def test_a_flow_that_hangs_together_only() -> None:
    """A wire to nothing and a name that two boxes have are errors of who wrote them."""
    box = Operation("a", "a", 0, 0)
    assert Flow((box,), (Wire("a", "a"),)).wires[0].target == "a"
    with pytest.raises(ValueError, match="'b'"):
        Flow((box,), (Wire("a", "b"),))
    with pytest.raises(ValueError, match="two operations are called 'a'"):
        Flow((box, box), ())
