from typing import Any

from ruamel.yaml.tokens import CommentToken

class Format:
    def flow_style(self) -> bool | None: ...
    def set_flow_style(self) -> None: ...

class Comment:
    items: dict[Any, list[CommentToken | None]]

class CommentedMap(dict[Any, Any]):
    fa: Format
    ca: Comment
    def insert(self, pos: int, key: object, value: object) -> None: ...

class CommentedSeq(list[Any]):
    fa: Format
    ca: Comment
