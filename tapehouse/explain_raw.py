"""What the raw bucket has of a number: the object, the line as it stands there, and whether it is what was loaded."""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tapehouse.explain_lake import Lake, Row

if TYPE_CHECKING:
    from producers.raw_store import RawStore

TABLE, SIDECAR = ".csv", ".fetch.json"
AS_FETCHED, CHANGED, GONE = "as fetched", "changed", "gone"
AS_LOADED = "as loaded"
# of a sidecar what is told of each object
TOLD = (
    "request",
    "request_id",
    "fetched_at",
    "source",
    "dataset",
    "basis",
    "layout",
    "file",
    "from",
    "to",
    "covers",
)
BEGIN_OF_LINE = re.compile(r"\r?\n")
Place = tuple[str, int]


class RawObjects:
    """The objects that are asked for, each read once. `problems` says what is not as it was loaded."""

    def __init__(self, store: "RawStore", lake: Lake) -> None:
        self._store, self._lake = store, lake
        self._objects: dict[str, Row] = {}
        self._lines: dict[str, list[str]] = {}
        self._loaded: dict[Place, str] = {}
        self.facts: dict[str, Row] = {}
        self.problems: list[str] = []

    def read(self, places: Iterable[Place]) -> None:
        """Read the objects, and the lines of bronze.history, that these places name."""
        wanted = [place for place in dict.fromkeys(places) if place not in self._loaded]
        keys = sorted({key for key, _ in wanted})
        if not keys:
            return
        rows = sorted({0, *(row for _, row in wanted)})
        for found in self._lake.rows("bronze.history", "object = ANY(?) AND row = ANY(?)", keys, rows):
            self._loaded[found["object"], found["row"]] = found["line"]
            if found["row"] == 0:
                self.facts[found["object"]] = found
        for key in keys:
            if key not in self._objects:
                self._objects[key] = self._look_at(key)

    @property
    def objects(self) -> list[Row]:
        return list(self._objects.values())

    def line(self, key: str, row: int) -> Row:
        """A line as it stands in the object, `None` where it does not, beside what was loaded."""
        there = self._lines.get(key, [])
        line = there[row - 1] if 0 < row <= len(there) else None
        loaded = self._loaded.get((key, row))
        if line is None:
            state = "gone" if self._objects[key]["state"] == GONE else "no such line"
        elif loaded is None:
            state = "not in bronze.history"
        else:
            state = AS_LOADED if line == loaded else "not as loaded"
        if state != AS_LOADED:
            self._problem(f"{key} line {row}: {state}")
        return {"object": key, "row": row, "line": line, "loaded": loaded, "state": state}

    def fields(self, line: Row) -> dict[str, str]:
        """What a line tells by its name: the object's columns, as its load has placed them."""
        places = dict(self.facts.get(line["object"], {}).get("places") or {})
        cells = (line["line"] or "").split(",")
        return {name: cells[at - 1].strip() for name, at in places.items() if at and at <= len(cells)}

    def _look_at(self, key: str) -> Row:
        """An object, its sidecar and the body as received, each compared with what the load was told of it."""
        beside = key.removesuffix(TABLE) + SIDECAR
        loaded, sidecar = self._loaded.get((key, 0)), self._store.look(beside)
        described = loaded if loaded is not None else sidecar and sidecar.decode()
        told: dict[str, Any] = json.loads(described) if described else {}
        content = self._store.look(key)
        state = _state(content, told.get("table", {}).get("sha256"))
        if content is not None:
            text = re.sub(r"\r?\n\Z", "", content.decode(errors="replace"))
            self._lines[key] = BEGIN_OF_LINE.split(text)
        of_sidecar = GONE if sidecar is None else AS_FETCHED
        if sidecar is not None and loaded is not None and sidecar.decode(errors="replace") != loaded:
            of_sidecar = CHANGED
        found = {
            "object": key,
            "state": state,
            "sha256": told.get("table", {}).get("sha256"),
            **{name: told.get(name) for name in TOLD if told.get(name) is not None},
            "sidecar": {"object": beside, "state": of_sidecar},
            "body": self._body(told.get("body", {})),
        }
        for what, how in (
            (key, state),
            (beside, of_sidecar),
            (found["body"]["object"], found["body"]["state"]),
        ):
            if how != AS_FETCHED:
                self._problem(f"{what}: {how}")
        return found

    def _body(self, told: Row) -> Row:
        key, sha = told.get("key"), told.get("sha256")
        packed = self._store.look(key) if key else None
        try:
            content = None if packed is None else gzip.decompress(packed)
        except (OSError, EOFError, zlib.error):
            return {"object": key, "sha256": sha, "state": CHANGED}
        return {"object": key, "sha256": sha, "bytes": told.get("bytes"), "state": _state(content, sha)}

    def _problem(self, what: str) -> None:
        if what not in self.problems:
            self.problems.append(what)


def _state(content: bytes | None, sha: str | None) -> str:
    if content is None:
        return GONE
    return AS_FETCHED if hashlib.sha256(content).hexdigest() == sha else CHANGED
