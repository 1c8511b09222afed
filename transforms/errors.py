"""The one error of the transforms: a frame that does not have what its table's schema asks for."""

from collections.abc import Iterable


class MissingColumnsError(ValueError):
    """A transform forgot columns of the table it makes: a fault of the code, never of the data."""

    def __init__(self, missing: Iterable[str], found: Iterable[str]) -> None:
        super().__init__(f"the columns {', '.join(missing)} are missing; found: {', '.join(found)}")
