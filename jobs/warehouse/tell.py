"""A load in one line."""

from jobs.warehouse.load import Loaded


def tell(loaded: Loaded) -> str:
    """Such as `gold.bars_1d is version 12: delta from 11, 3 inserted, 1 updated, 0 deleted, 4,512 rows proved`."""
    receipt = loaded.receipt
    if not loaded.is_new:
        return f"{receipt.table_name} is version {receipt.to_version} already: nothing to do (load {receipt.load_id})"
    how = f"full: {receipt.reason}" if receipt.mode == "full" else f"delta from {receipt.from_version}"
    changes = f"{receipt.rows_inserted:,} inserted, {receipt.rows_updated:,} updated, {receipt.rows_deleted:,} deleted"
    return (
        f"{receipt.table_name} is version {receipt.to_version}: {how}; {changes}, {receipt.rows_total:,} rows proved "
        f"equal in {receipt.duration_ms / 1000:.1f} s (load {receipt.load_id})"
    )
