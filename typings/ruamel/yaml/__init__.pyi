from typing import IO, Any

from ruamel.yaml.representer import RoundTripRepresenter

class YAML:
    preserve_quotes: bool
    width: int
    version: tuple[int, int] | str | None
    allow_duplicate_keys: bool
    brace_single_entry_mapping_in_flow_sequence: bool
    representer: RoundTripRepresenter
    def __init__(self, *, typ: str | None = None, pure: bool = False) -> None: ...
    def indent(self, mapping: int | None = None, sequence: int | None = None, offset: int | None = None) -> None: ...
    def load(self, stream: str | bytes | IO[Any]) -> Any: ...
    def dump(self, data: object, stream: IO[Any]) -> None: ...
