"""The recorded hour as it went over the wire."""

import csv
from datetime import datetime
from pathlib import Path

from producers.yahoo_frames import encode_frame


def wire_frames(recording: Path) -> list[tuple[str, bytes]]:
    """Symbol and frame of each line of the recording, with all that it holds."""
    with recording.open() as file:
        return [
            (
                row["id"],
                encode_frame(
                    id=row["id"],
                    time=round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000),
                    price=float(row["price"]),
                    exchange=row["exchange"],
                    quote_type=int(row["quoteType"]),
                    market_hours=int(row["marketHours"]),
                    change_percent=float(row["changePercent"]),
                    day_volume=int(float(row["dayVolume"])),
                    change=float(row["change"]),
                    price_hint=int(row["priceHint"]),
                ),
            )
            for row in csv.DictReader(file)
        ]
