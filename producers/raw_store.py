"""The raw bucket: each fetch is the body as received, its rendering as CSV, and a sidecar that names both.

Objects are never written twice. The sidecar is written last: without it a pair does not count.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from producers.errors import ProducerError

STAMP = "%Y%m%dT%H%M%S%fZ"
SIDECAR = ".fetch.json"
# in the place of a symbol, which is never spelt so: the rows name theirs
MANY = "~"
PRECONDITION_FAILED = 412
GONE = ("NoSuchKey", "404")


@dataclass(frozen=True)
class Range:
    """What one fetch is asked for: a dataset of a symbol over [begin, end), days of the exchange's zone.

    The symbol is `MANY` where the rows name theirs.
    """

    source: str
    dataset: str  # bars_1d, bars_1m or actions
    vendor_symbol: str
    begin: date
    end: date
    zone: str = "UTC"

    @property
    def prefix(self) -> str:
        return f"history/{self.source}/{self.dataset}/{quote(self.vendor_symbol, safe='')}/"

    def __str__(self) -> str:
        return f"{self.vendor_symbol} {self.dataset} {self.begin} to {self.end}"


@dataclass(frozen=True)
class Fetched:
    """What a vendor answered. `covers` is the part of the range that the answer holds completely, [begin, end).

    None where nothing is known of that: then it takes nothing back that was told before.
    """

    body: bytes
    table: bytes
    rows: int
    request: str
    fetched_at: datetime
    covers: tuple[date, date] | None
    facts: dict[str, str]
    kind: str = "json"


@dataclass(frozen=True)
class Kept:
    """A complete pair in the bucket."""

    sidecar: str
    begin: date
    end: date
    fetched_at: datetime
    request_id: str


class RawStore:
    """Writes and finds pairs. `client` is an S3 client, `place` the bucket and what comes before every key."""

    def __init__(self, client: Any, place: str) -> None:
        bucket, _, before = place.removeprefix("s3://").partition("/")
        self._client, self._bucket = client, bucket
        self._before = f"{before.strip('/')}/" if before.strip("/") else ""

    def keep(self, asked: Range, fetched: Fetched, *, request_id: str, instrument_id: str | None) -> str:
        """Write a pair and its sidecar; the sidecar's key."""
        stem = f"{asked.prefix}{asked.begin}_{asked.end}_{fetched.fetched_at.strftime(STAMP)}_{request_id}"
        body, table = f"{stem}.{fetched.kind}.gz", f"{stem}.csv"
        # the same bytes give the same object
        self._put(body, gzip.compress(fetched.body, mtime=0))
        self._put(table, fetched.table)
        sidecar = {
            "version": 1,
            "request_id": request_id,
            "source": asked.source,
            "dataset": asked.dataset,
            "instrument_id": instrument_id,
            "vendor_symbol": None if asked.vendor_symbol == MANY else asked.vendor_symbol,
            "from": str(asked.begin),
            "to": str(asked.end),
            "covers": fetched.covers and [str(day) for day in fetched.covers],
            "request": fetched.request,
            "fetched_at": fetched.fetched_at.isoformat(),
            "body": {"key": body, "sha256": _sha256(fetched.body), "bytes": len(fetched.body)},
            "table": {"key": table, "sha256": _sha256(fetched.table), "rows": fetched.rows},
            **fetched.facts,
        }
        self._put(f"{stem}{SIDECAR}", json.dumps(sidecar, indent=1).encode())
        return f"{stem}{SIDECAR}"

    def find(self, asked: Range) -> list[Kept]:
        """The complete pairs of a dataset of a symbol, over any range, oldest fetch first."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._before + asked.prefix
        )
        keys = [
            found["Key"].removeprefix(self._before) for page in pages for found in page.get("Contents", [])
        ]
        kept = [_kept(key) for key in keys if key.endswith(SIDECAR)]
        return sorted(kept, key=lambda pair: pair.fetched_at)

    def read(self, sidecar: str) -> tuple[dict[str, Any], bytes, bytes]:
        """A sidecar, the body that it names and the table; what does not have its sha256 is an error."""
        described = json.loads(self._get(sidecar))
        body, table = (
            gzip.decompress(self._get(described["body"]["key"])),
            self._get(described["table"]["key"]),
        )
        for name, content in (("body", body), ("table", table)):
            if _sha256(content) != described[name]["sha256"]:
                raise ProducerError(
                    f"{described[name]['key']} is not what was fetched",
                    found=f"sha256 {_sha256(content)}, not {described[name]['sha256']}",
                    remedy="fetch it again with --refresh",
                )
        return described, body, table

    def look(self, key: str) -> bytes | None:
        """What an object holds as it is now, None where it is not there."""
        try:
            return self._fetch(key)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in GONE:
                return None
            raise _no_store(error) from error

    def _put(self, key: str, content: bytes) -> None:
        """Write an object that is not there. One that is there holds these bytes: an earlier try's answer was lost."""
        place = {"Bucket": self._bucket, "Key": self._before + key}
        try:
            self._client.put_object(**place, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != PRECONDITION_FAILED:
                raise _no_store(error) from error
            if self._get(key) != content:
                raise ProducerError(
                    f"{key} is there with another content",
                    found="an object that is never written twice",
                    remedy="look who else writes the raw bucket",
                ) from error
        except BotoCoreError as error:
            raise _no_store(error) from error

    def _get(self, key: str) -> bytes:
        try:
            return self._fetch(key)
        except (ClientError, BotoCoreError) as error:
            raise _no_store(error) from error

    def _fetch(self, key: str) -> bytes:
        found = self._client.get_object(Bucket=self._bucket, Key=self._before + key)
        return bytes(found["Body"].read())


def _no_store(error: Exception) -> ProducerError:
    return ProducerError(
        "the raw bucket cannot be written or read", found=str(error)[:300], remedy="see `tapehouse doctor`"
    )


def _kept(key: str) -> Kept:
    begin, end, stamp, request_id = key.rsplit("/", 1)[1].removesuffix(SIDECAR).split("_", 3)
    at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    return Kept(key, date.fromisoformat(begin), date.fromisoformat(end), at, request_id)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
