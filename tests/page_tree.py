"""A page of HTML as a tree, read by the standard library: an independent look at what was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "wbr"}


@dataclass
class Node:
    """An element; its text is in the order in which it stands."""

    name: str
    attributes: dict[str, str | None]
    children: list[Node | str] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, name: str = "", class_: str = "", **attributes: str) -> list[Node]:
        """The elements below with a name, a class and attributes, in the order in which they stand."""
        wanted = {key.replace("_", "-"): value for key, value in attributes.items()}
        return [
            node
            for node in self.walk()
            if node is not self
            and name in ("", node.name)
            and (not class_ or class_ in node.classes)
            and all(node.attributes.get(key) == value for key, value in wanted.items())
        ]

    def one(self, name: str = "", class_: str = "", **attributes: str) -> Node:
        (found,) = self.all(name, class_, **attributes)
        return found

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def page_tree(html: str) -> Node:
    """The tree of a page; elements that are not closed in their order are refused."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root
