"""HTML as a tree, read strictly: what is opened is closed, in order, and an id is given once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img"}
"""Elements that have no end tag."""
FIGURES = {"rect", "path", "circle", "polygon", "polyline"}
"""Marks of an SVG, which may close themselves."""


@dataclass
class Element:
    """An element with its attributes; its content is text and elements, in order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    content: list[str | Element] = field(default_factory=list["str | Element"])

    def all(self, tag: str | None = None, where: Callable[[Element], bool] = lambda _: True) -> Iterator[Element]:
        """The elements inside, in the order of the page."""
        for one in self.content:
            if isinstance(one, Element):
                if tag in (None, one.tag) and where(one):
                    yield one
                yield from one.all(tag, where)

    def of_class(self, name: str) -> list[Element]:
        """The elements inside that have a class."""
        return list(self.all(where=lambda one: name in one.classes))

    def by_id(self, name: str) -> Element:
        """The element inside with an id."""
        (found,) = self.all(where=lambda one: one.attributes.get("id") == name)
        return found

    @property
    def classes(self) -> list[str]:
        """The names in the attribute ``class``."""
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All text inside, spaces and line breaks as one space; none of styles and scripts."""
        return " ".join(self._texts().split())

    def _texts(self) -> str:
        if self.tag in ("style", "script"):
            return ""
        return "".join(one if isinstance(one, str) else one._texts() for one in self.content)

    @property
    def raw(self) -> str:
        """The text right inside, as it stands."""
        return "".join(one for one in self.content if isinstance(one, str))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in FIGURES, f"<{tag}/> closes itself"
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read_html(text: str) -> Element:
    """The whole page; fails where it is not well-formed, or an id is given twice."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is not closed"
    root = reader.open[0]
    ids = [one.attributes["id"] for one in root.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids)), "an id is given twice"
    return root


def number_in(element: Element) -> int:
    """The exact number that an element carries beside what it shows."""
    return int(element.attributes["data-value"] if element.tag in ("td", "th") else element.attributes["value"])
