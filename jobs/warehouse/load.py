"""The load of one table: stage, then one transaction that swaps the head, changes the rows, proves them and says so.

Whatever ends it, the warehouse is at the version before or at the one after, with its receipt. Done again it does
nothing, or what was left to do.
"""

import secrets
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from jobs.lake.failpoints import reached
from jobs.lake.settings import Settings
from jobs.lake.tables import Table
from jobs.warehouse import checksum, statements
from jobs.warehouse.attempts import new_attempt, remove_left_folders
from jobs.warehouse.checksum import Sums
from jobs.warehouse.engine import HeadMovedError, NotEqualError, SessionEndedError, Warehouse, WarehouseError
from jobs.warehouse.lake_version import LakeVersion, Parts
from jobs.warehouse.receipts import NOTHING_LOADED, Head, Receipt

ATTEMPTS = 5  # with half a second between the first two, and twice as long each time
BY_FEED, IN_FULL = "delta", "full"
TAMPERED = "the warehouse's table was not what its receipt says"
UNEQUAL = "a full load before came out unequal"
log = structlog.get_logger()


class Loaded(NamedTuple):
    """What a load came to; `is_new` is false where the warehouse was there already."""

    receipt: Receipt
    is_new: bool


class Change(NamedTuple):
    """What is staged to change a table: by the change feed, or in full and why."""

    mode: str
    reason: str
    parts: Parts


class Loader:
    """Loads tables of the lake, one after the other, into the warehouse that `connect` opens."""

    def __init__(self, settings: Settings, connect: Callable[[], Warehouse]) -> None:
        self._settings, self._connect = settings, connect
        self._scratch = settings.warehouse_folder / "scratch"
        remove_left_folders(self._scratch)
        self.warehouse = connect()
        self.warehouse.prepare()
        for attempt in self.warehouse.clean_leftovers():
            log.info("leftover_removed", attempt=attempt)

    def close(self) -> None:
        self.warehouse.close()

    def load(self, table: Table, *, version: int | None = None, full: bool = False) -> Loaded:
        """Make the warehouse's table exactly that version of the lake's, by default the newest."""
        name = table.name.split(".")[1]
        because = "asked for" if full else None
        told: WarehouseError
        for left in reversed(range(ATTEMPTS)):
            attempt = new_attempt()
            lake = LakeVersion(self._settings, table, folder=self._scratch / attempt, version=version)
            try:
                with lake:
                    return _Attempt(self.warehouse, lake, name, attempt, because).run()
            except NotEqualError as error:
                if left == 0 or because == UNEQUAL:
                    raise
                because, told = UNEQUAL if error.in_full else TAMPERED, error
            except SessionEndedError as error:
                if left == 0:
                    raise
                told = error
                self.warehouse.close()
                self.warehouse = self._connect()
            except HeadMovedError as error:
                if left == 0:
                    raise
                told = error
                time.sleep(2.0 ** (ATTEMPTS - left - 2) * (1 + secrets.randbelow(100) / 100))
            log.warning("load_again", table=table.name, what=told.what, found=told.found)
        raise AssertionError("the last attempt returns or raises")


class _Attempt:
    """One try to bring a table from its head to a version of the lake."""

    def __init__(
        self, warehouse: Warehouse, lake: LakeVersion, name: str, attempt: str, because: str | None
    ) -> None:
        self._warehouse, self._lake, self._name = warehouse, lake, name
        self._attempt, self._because = attempt, because
        self._began = time.monotonic()

    def run(self) -> Loaded:
        warehouse, lake = self._warehouse, self._lake
        warehouse.begin(f"tapehouse:{lake.table.name}:{lake.version}")
        remade = warehouse.ensure(self._name, lake.shape)
        because = self._because or remade
        head = warehouse.head(self._name)
        if because is None and (head.delta_id, head.version) == (lake.delta_id, lake.version):
            return Loaded(self._receipt_of(head), is_new=False)
        change = self._change_from(head, because)
        log.info(
            "loading",
            table=lake.table.name,
            version=lake.version,
            mode=change.mode,
            reason=change.reason,
            rows=change.parts.rows,
            bytes=change.parts.bytes,
        )
        # the lake is summed up here while the warehouse takes the files in
        with ThreadPoolExecutor(1) as beside:
            sums = beside.submit(lake.sums)
            with self._staged(change.parts) as staging:
                receipt = self._apply(staging, head, change, sums.result())
        reached("warehouse.commit")
        return Loaded(receipt, is_new=True)

    def _change_from(self, head: Head, because: str | None) -> Change:
        """What leads from the head to the lake's version: its change feed, where it can say it, else all rows."""
        lake = self._lake
        if because is None and head.version == NOTHING_LOADED.version:
            because = (
                "nothing was loaded yet" if head == NOTHING_LOADED else "a load into a new table did not end"
            )
        elif because is None and head.delta_id != lake.delta_id:
            because = "the lake's table was made anew"
        elif because is None and head.version > lake.version:
            because = f"the warehouse was at version {head.version}, which is newer"
        if because is None:
            parts = lake.write_changes(head.version)
            if parts is not None:
                return Change(BY_FEED, "", parts)
            because = f"the change feed does not say what changed since version {head.version}"
        return Change(IN_FULL, because, lake.write_all())

    @contextmanager
    def _staged(self, parts: Parts) -> Generator[str, None, None]:
        """The files in a staging table that holds each row and each key once; it is gone after the block."""
        staging = self._warehouse.stage(self._attempt, self._lake.shape, parts.files)
        reached("warehouse.copy")
        try:
            self._check_staged(staging, parts)
            yield staging
        except SessionEndedError:
            raise  # nobody is there to clean it: `clean_leftovers` will
        except BaseException:
            self._clean()
            raise
        self._clean()

    def _check_staged(self, staging: str, parts: Parts) -> None:
        query = statements.count_staged(self._warehouse.dialect, staging, self._lake.shape)
        rows, keys, holes = map(int, self._warehouse.execute(query)[0])
        if (rows, keys, holes) != (parts.rows, parts.rows, 0):
            raise WarehouseError(
                f"what was staged for {self._lake.table.name} is not what was sent",
                found=f"{parts.rows} rows sent; {rows} staged, of {keys} keys, {holes} without a whole key",
                remedy="load again; if it stays so, look for keys that are null or there twice in the lake",
            )

    def _apply(self, staging: str, head: Head, change: Change, wanted: Sums) -> Receipt:
        """Change the table from its head to the lake's version in one transaction, proved before it is committed."""
        warehouse, shape = self._warehouse, self._lake.shape
        load_id = secrets.token_hex(8)
        with warehouse.transaction():
            warehouse.swap_head(self._name, head, Head(self._lake.delta_id, self._lake.version, load_id))
            counts = warehouse.change(self._name, staging, shape, anew=change.mode == IN_FULL)
            reached("warehouse.merge")
            differ = wanted.differences(warehouse.sums(self._name, shape))
            if differ:
                raise NotEqualError(self._lake.table.name, differ, in_full=change.mode == IN_FULL)
            receipt = self._receipt(load_id, head, change, counts, wanted)
            warehouse.write_receipt(receipt)
            reached("warehouse.receipt")
        return receipt

    def _receipt(
        self, load_id: str, head: Head, change: Change, counts: tuple[int, int, int], wanted: Sums
    ) -> Receipt:
        lake = self._lake
        return Receipt(
            load_id,
            lake.table.name,
            lake.delta_id,
            head.version if head.delta_id == lake.delta_id else -1,
            lake.version,
            change.mode,
            change.reason,
            *counts,
            wanted.rows,
            wanted.checksums,
            lake.shape.typed(),
            checksum.VERSION,
            change.parts.bytes,
            round((time.monotonic() - self._began) * 1000),
            list(self._warehouse.queries),
            datetime.now(UTC),
        )

    def _receipt_of(self, head: Head) -> Receipt:
        found = [
            one for one in self._warehouse.receipts([self._lake.table.name]) if one.load_id == head.load_id
        ]
        if len(found) != 1:
            raise WarehouseError(
                f"the warehouse says that load {head.load_id} made {self._name}, and holds {len(found)} receipts of it",
                found="somebody has edited its receipts",
                remedy="load it in full: --full",
            )
        return found[0]

    def _clean(self) -> None:
        """A failure to clean is no failure to load: what is left goes once it is a day old."""
        try:
            self._warehouse.clean(self._attempt)
        except WarehouseError as error:
            log.warning("left_in_the_warehouse", attempt=self._attempt, what=error.what, found=error.found)
