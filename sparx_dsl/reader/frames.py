"""The mappings and lists that are open while a YAML text is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparx_dsl.errors import Span
from sparx_dsl.reader.tree import Entry, Node, ScalarNode


@dataclass(slots=True)
class Frame:
    """A mapping or list that is being read."""

    start: Span
    mapping: bool
    bracketed: bool
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    items: list[Node] = field(default_factory=list[Node])
    key: ScalarNode | None = None
    """The key whose value comes next."""
    first: Span | None = None
    """The span of the first key or item."""

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a key."""
        return self.mapping and self.key is None

    def step(self) -> str | None:
        """The part of a path that leads from here to the next value; None where a key comes next."""
        if not self.mapping:
            return str(len(self.items) + 1)
        return None if self.key is None else self.key.text

    def add(self, node: Node) -> None:
        """Take in the next key, value or item; of equal keys the first stays."""
        self.first = self.first or node.span
        if not self.mapping:
            self.items.append(node)
        elif self.key is None:
            # A collection as a key is an error already; its place is held so that its value finds a key.
            self.key = node if isinstance(node, ScalarNode) else ScalarNode(None, "?", node.span, node.source)
        else:
            self.entries.setdefault(str(self.key.value), Entry(self.key, node))
            self.key = None
