"""One run of the loader: tables one after the other, each receipted in the warehouse and copied into the ledger."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import structlog

from jobs.lake.ledger import Ledger
from jobs.lake.settings import Settings
from jobs.lake.tables import Table
from jobs.warehouse.connect import open_warehouse
from jobs.warehouse.lake_version import NoTableError
from jobs.warehouse.load import Loaded, Loader

JOB = "load_warehouse"
log = structlog.get_logger()


def load_tables(
    settings: Settings,
    tables: Sequence[Table],
    *,
    version: int | None = None,
    full: bool = False,
    skip_missing: bool = False,
) -> Iterator[Loaded]:
    """Load each, told as soon as it is; `skip_missing` leaves out what the lake does not have yet."""
    with (
        closing(Ledger(settings)) as ledger,
        ledger.run(JOB, tables=[table.name for table in tables], warehouse=settings.warehouse),
        closing(Loader(settings, lambda: open_warehouse(settings))) as loader,
    ):
        for table in tables:
            try:
                loaded = loader.load(table, version=version, full=full)
            except NoTableError as error:
                if not skip_missing:
                    raise
                log.debug("not_loaded", table=table.name, what=error.what)
                continue
            _copy_receipts(ledger, loader, table)
            yield loaded


def _copy_receipts(ledger: Ledger, loader: Loader, table: Table) -> None:
    """All that the ledger lacks: a loader may have died after its commit."""
    warehouse = loader.warehouse
    known = ledger.loads(warehouse.address, table.name)
    missing = [one.as_json() for one in warehouse.receipts([table.name]) if one.load_id not in known]
    ledger.record_loads(warehouse.address, reversed(missing))
