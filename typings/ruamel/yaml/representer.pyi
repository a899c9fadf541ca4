from collections.abc import Callable
from typing import Any

class RoundTripRepresenter:
    def add_representer(
        self, data_type: type[Any], representer: Callable[[RoundTripRepresenter, Any], object]
    ) -> None: ...
    def represent_scalar(self, tag: str, value: str) -> object: ...
