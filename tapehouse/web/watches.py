"""What the page looks at, and how often."""

from typing import TYPE_CHECKING, Any

from tapehouse.web.looks import JobLook, OperationsLook, look_at_services, numbers
from tapehouse.web.watch import Watch

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.web.days import Days
    from tapehouse.web.listings import Listings
    from tapehouse.web.market import Market


def make_watches(
    settings: "Settings", market: "Market", listings: "Listings", days: "Days", lake: Any
) -> list[Watch]:
    """Every watch; what is read of the lake for history is opened once."""
    from tapehouse.measuring.budgets import BudgetsPart
    from tapehouse.measuring.gaps import GapsPart
    from tapehouse.measuring.kafka import KafkaPart
    from tapehouse.measuring.lake import NEWEST_BY as ALL
    from tapehouse.measuring.lake import Lake, LakePart
    from tapehouse.measuring.rejected import RejectedPart
    from tapehouse.measuring.warehouse import WarehousePart
    from tapehouse.status_report import NEWEST_BY as OF_STREAM

    of_history = [name for name in ALL if name not in OF_STREAM]
    return [
        Watch("bars", market.look, 0.25),
        Watch("listings", listings.look, 3.0, patience=75.0),
        Watch("job", JobLook(settings), 1.0),
        Watch("stream_tables", numbers(LakePart(Lake(settings), OF_STREAM).look), 1.0),
        Watch("services", look_at_services, 2.0),
        Watch("operations", OperationsLook(settings), 3.0),
        Watch("kafka", numbers(KafkaPart(settings).look), 3.0, patience=6.0),
        Watch("budgets", numbers(BudgetsPart(settings).look), 15.0, patience=6.0),
        Watch("tables", numbers(LakePart(lake, of_history).look), 15.0, patience=15.0),
        Watch("rejected", numbers(RejectedPart(lake).look), 15.0, patience=15.0),
        Watch("gaps", numbers(GapsPart(lake).look), 15.0, patience=15.0),
        Watch("warehouse", numbers(WarehousePart(settings, lake).look), 15.0, patience=15.0),
        Watch("days", days.look, 15.0, patience=15.0),
    ]
