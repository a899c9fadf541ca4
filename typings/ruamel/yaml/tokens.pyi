from ruamel.yaml.error import CommentMark

class CommentToken:
    value: str
    start_mark: CommentMark
    def __init__(self, value: str, start_mark: CommentMark) -> None: ...
