"""When a table's commits become visible, seen from outside: its log in the S3 store is asked for the next version."""

import json
import threading
import time
from dataclasses import dataclass
from types import TracebackType

import urllib3

from jobs.lake.settings import Settings
from tapehouse.vendors import s3_client

VALID_FOR = 24 * 3600  # seconds of a signed address


@dataclass(frozen=True)
class SeenCommit:
    """A version of a table: when it was first seen, and the end offsets that its metadata records."""

    version: int
    at: float
    end: dict[int, int]


class CommitWatch:
    """Looks every `every` seconds whether the next version is there, in a thread, for the length of a block."""

    def __init__(self, settings: Settings, url: str, *, every: float) -> None:
        self.commits: list[SeenCommit] = []
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        self._every, self._s3, self._http = every, s3_client(settings), urllib3.PoolManager()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "CommitWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def position(self) -> int:
        """How many messages are in the table, or were rejected or doubles."""
        return max((sum(commit.end.values()) for commit in tuple(self.commits)), default=0)

    def _watch(self) -> None:
        version, address = 0, self._address(0)
        while not self._ended.is_set():
            answer = self._http.request("GET", address, retries=2, timeout=10)
            if answer.status != 200:
                self._ended.wait(self._every)
                continue
            self.commits.append(SeenCommit(version, time.time(), recorded_end(answer.data)))
            version += 1
            address = self._address(version)

    def _address(self, version: int) -> str:
        """Signed once for a version: asking is then no more than a request over a connection that is kept."""
        key = f"{self._prefix}/_delta_log/{version:020}.json"
        return self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=VALID_FOR
        )


def recorded_end(commit: bytes) -> dict[int, int]:
    """The `end` of the commit's userMetadata; nothing where it has none."""
    for line in commit.splitlines():
        if b'"commitInfo"' in line:
            metadata = json.loads(line)["commitInfo"].get("userMetadata") or "{}"
            return {int(p): int(offset) for p, offset in json.loads(metadata).get("end", {}).items()}
    return {}
