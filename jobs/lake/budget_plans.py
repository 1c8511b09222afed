"""`conf/budgets.yaml`: what each source may be asked for a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from jobs.lake.errors import SettingsError

REMEDY = "write it as conf/budgets.yaml of the project is written"


@dataclass(frozen=True)
class Plan:
    """One source's calls a day by purpose; `shared_from` is the local time from which what is left is anybody's."""

    source: str
    zone: ZoneInfo
    shared_from: time
    seconds_between_calls: float
    calls: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.calls.values())

    def day_of(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def end_of_day(self, now: datetime) -> datetime:
        """The first moment of the next day."""
        tomorrow = self.day_of(now) + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self.zone).astimezone(UTC)

    def left(self, purpose: str, used: Mapping[str, int], now: datetime) -> int:
        """Calls that `purpose` still has at `now`, of a day on which `used` were made."""
        over_all = self.total - sum(used.values())
        if now.astimezone(self.zone).time() >= self.shared_from:
            return max(0, over_all)
        return max(0, min(over_all, self.calls[purpose] - used.get(purpose, 0)))


def read_plans(path: Path) -> dict[str, Plan]:
    """The plans by source; an error names the file, the source and the field."""
    try:
        document = yaml.safe_load(path.read_text())
        if document["version"] != 1:
            raise KeyError("version: 1")
        sources = document["sources"].items()
        return {str(source): _plan(path, str(source), entry) for source, entry in sources}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is not understood", found=repr(error)[:200], remedy=REMEDY) from error


def _plan(path: Path, source: str, entry: Any) -> Plan:
    try:
        calls = {str(purpose): int(number) for purpose, number in entry["calls"].items()}
        plan = Plan(
            source,
            ZoneInfo(entry["day_in"]),
            time.fromisoformat(entry["shared_from"]),
            float(entry["seconds_between_calls"]),
            calls,
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZoneInfoNotFoundError) as error:
        raise SettingsError(
            f"{source} in {path} is not understood", found=repr(error)[:200], remedy=REMEDY
        ) from error
    if min(calls.values(), default=0) < 0 or plan.seconds_between_calls < 0:
        raise SettingsError(
            f"{source} in {path} has a number below 0", found=repr(entry)[:200], remedy=REMEDY
        )
    return plan
