"""The parts of a lakehouse that the settings name."""

from typing import TYPE_CHECKING

from tapehouse.measuring.budgets import BudgetsPart
from tapehouse.measuring.disk import DiskPart
from tapehouse.measuring.due import DuePart
from tapehouse.measuring.gaps import GapsPart
from tapehouse.measuring.heartbeats import HeartbeatsPart
from tapehouse.measuring.kafka import KafkaPart
from tapehouse.measuring.lake import Lake, LakePart
from tapehouse.measuring.looks import Look
from tapehouse.measuring.market import MarketPart
from tapehouse.measuring.operations import OperationsPart
from tapehouse.measuring.rejected import RejectedPart
from tapehouse.measuring.stream import StreamPart
from tapehouse.measuring.warehouse import WarehousePart

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


def parts_of(settings: "Settings") -> dict[str, Look]:
    """Each part with its look; what is quick and known by the ledger comes first."""
    lake = Lake(settings)
    return {
        "stream": StreamPart(settings).look,
        "operations": OperationsPart(settings).look,
        "budgets": BudgetsPart(settings).look,
        "heartbeats": HeartbeatsPart(settings).look,
        "market": MarketPart(settings).look,
        "due": DuePart(settings).look,
        "disk": DiskPart(settings).look,
        "kafka": KafkaPart(settings).look,
        "lake": LakePart(lake).look,
        "rejected": RejectedPart(lake).look,
        "gaps": GapsPart(lake).look,
        "warehouse": WarehousePart(settings, lake).look,
    }
