"""What an instance knows of itself between commands: ports, secrets, and the processes that it started."""

import json
from pathlib import Path
from typing import Any


class Record:
    """A JSON file that is replaced as a whole; it holds secrets, so only its owner reads it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self._file.read_text())) if self._file.exists() else {}

    def write(self, record: dict[str, Any]) -> None:
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(record, indent=1))
        new.replace(self._file)

    def update(self, section: str, name: str, value: Any) -> None:
        """Set one entry of a section; None removes it."""
        record = self.read()
        entries = {**record.get(section, {}), name: value}
        self.write(record | {section: {key: entry for key, entry in entries.items() if entry is not None}})
