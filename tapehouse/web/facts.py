"""python -m tapehouse.web.facts FILE [CALENDAR...]: what an instruments file lists, and its exchanges' hours, as JSON.

A program of its own, because the calendars bring pandas, which the page's server shall not carry.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def main(argv: list[str]) -> int:
    from jobs.lake.instruments import read_instruments
    from jobs.lake.trading_hours import expected_on, expected_quotes

    instruments = read_instruments(Path(argv[0]))
    listings, today = instruments.listings, datetime.now(UTC).date()
    names = {*argv[1:], *(one.calendar for one in listings), *(one.mic for one in listings)}
    told = {
        "listings": [one._asdict() for one in listings],
        "calendars": {name: _calendar(name) for name in sorted(names)},
        "expected": sorted(expected_quotes(today, instruments)),
        "follows_days": bool(expected_on(today, instruments, dataset="1d")),
    }
    print(json.dumps(told, default=str))
    return 0


def _calendar(name: str) -> dict[str, Any] | None:
    """Its time zone and sessions with open and close as Unix times; None of what never closes."""
    from jobs.lake.errors import InstrumentsError
    from jobs.lake.sessions import ALWAYS_OPEN, exchange_calendar

    if name == ALWAYS_OPEN:
        return None
    try:
        calendar = exchange_calendar(name)
    except InstrumentsError:
        return None
    sessions = [
        (label.date().isoformat(), int(opens.timestamp()), int(closes.timestamp()))
        for label, opens, closes in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    ]
    return {"zone": str(calendar.tz), "sessions": sessions}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
