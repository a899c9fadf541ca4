"""How large a tree is that was not read from one text: keys and values, and the text that it may need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode

BYTES_PER_CHARACTER: Final = 10
"""Of a character in a text: at most an escape of eight digits."""
BYTES_PER_SCALAR: Final = 64
"""Of what stands around a key or value: quotes, brackets, commas, line breaks and indentation."""


def node_count(tree: Node) -> int:
    """The keys, values, lists and mappings of a tree, as many as a text of it has."""
    # Most nodes are scalars, which are counted where they stand: trees of edits are counted thousands of times.
    count, waiting = 1, [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, MappingNode):
            count += 2 * len(node.entries)
            waiting += [entry.value for entry in node.entries if not isinstance(entry.value, ScalarNode)]
        elif not isinstance(node, ScalarNode):
            count += len(node.items)
            waiting += [item for item in node.items if not isinstance(item, ScalarNode)]
    return count


def refuse_large_tree(tree: Node, limits: Limits, what: str, where: Callable[[], Where]) -> None:
    """Raise ``SparxError`` (SPX003) at a place where a tree holds more keys and values than the limit.

    ``what`` is what the message calls the tree.
    """
    if node_count(tree) > limits.nodes:
        message = f"{what} holds more than {limits.nodes} keys and values"
        raise SparxError(Diagnostic(Code.TOO_MANY_VALUES, message, where(), help="shorten it"))


def is_short(tree: Node, limits: Limits) -> bool:
    """Whether every text of a tree is well within the limit on bytes, however it is laid out."""
    return sum(BYTES_PER_SCALAR + BYTES_PER_CHARACTER * len(text) for text in _texts(tree)) <= limits.source_bytes


def _texts(tree: Node) -> Iterator[str]:
    """The texts of all keys and values; of a list or a mapping an empty one."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ScalarNode):
            yield node.text
            continue
        yield ""
        if isinstance(node, MappingNode):
            yield from (entry.key.text for entry in node.entries)
            waiting += [entry.value for entry in node.entries]
        else:
            waiting += node.items
