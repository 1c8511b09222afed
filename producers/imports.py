"""Files that somebody has already, as pairs of the raw bucket: the file as it is, and its table of bars as CSV.

The table is a member of the file, byte for byte. What its columns mean is its layout's, or a map's, to say.
"""

import csv
import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zlib import error as ZlibError

from producers.errors import ImportFileError
from producers.raw_store import MANY, Fetched, Range

DAYS, MINUTES = "bars_1d", "bars_1m"
# what a table tells: of when a row is, what every bar has, and what may be told beside it
WHEN = {DAYS: "session", MINUTES: "stamp"}
NUMBERS = ("open", "high", "low", "close", "volume")
OPTIONAL = {DAYS: ("symbol", "adj_close", "dividend", "split_ratio"), MINUTES: ("symbol",)}
DATE_IN_NAME = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True)
class Layout:
    """How a table is found in a file, and the names of its columns by what they tell."""

    name: str
    table: Callable[[bytes], bytes]
    columns: Mapping[str, str]
    dataset: str = DAYS


@dataclass(frozen=True)
class Stamps:
    """What the stamps of minutes name: the minute's start or its end, and a clock of which time zone."""

    labels: str
    time_zone: str


@dataclass(frozen=True)
class Told:
    """What is said of files that they do not say themselves."""

    source: str
    basis: str  # raw or split_adjusted
    provisional: bool
    symbol: str = MANY
    stamps: Stamps | None = None  # of minutes


def _captured(content: bytes) -> bytes:
    """prices.csv of a daily capture, which is a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = [member for member in archive.getmembers() if member.name.rpartition("/")[2] == "prices.csv"]
        file = archive.extractfile(found[0]) if found else None
        if file is None:
            raise ImportFileError("there is no prices.csv in it", found=", ".join(archive.getnames()))
        return file.read()


def _unpacked(content: bytes) -> bytes:
    """The one member of a zip archive, what was compressed by gzip, or the bytes themselves."""
    if content[:2] == b"\x1f\x8b":
        return gzip.decompress(content)
    if content[:4] != b"PK\x03\x04":
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if len(archive.namelist()) != 1:
            raise ImportFileError("it holds several files", found=", ".join(archive.namelist()))
        return archive.read(archive.namelist()[0])


PYSTOCK = Layout(
    "pystock",
    _captured,
    {name: name for name in ("symbol", *NUMBERS, "adj_close")} | {"session": "date"},
)
WIKI = Layout(
    "wiki",
    _unpacked,
    {name: name for name in (*NUMBERS, "adj_close", "split_ratio")}
    | {"symbol": "ticker", "session": "date", "dividend": "ex-dividend"},
)
LAYOUTS = {layout.name: layout for layout in (PYSTOCK, WIKI)}


def mapped(columns: Mapping[str, str], dataset: str = DAYS) -> Layout:
    """The layout of a CSV whose columns are named by a map of what they tell; packed or not."""
    needed, optional = (WHEN[dataset], *NUMBERS), OPTIONAL[dataset]
    if strangers := sorted(set(columns) - {*needed, *optional}):
        raise ImportFileError(
            f"a map of columns of {dataset} knows no {', '.join(strangers)}",
            remedy=f"name {', '.join((*needed, *optional))}",
        )
    if missing := [name for name in needed if name not in columns]:
        raise ImportFileError(
            f"the map of columns says nothing of {', '.join(missing)}",
            remedy="name a column for each of them",
        )
    return Layout("columns", _unpacked, dict(columns), dataset)


def fetched_at(text: str, file: Path) -> datetime:
    """The instant that `text` spells, or the date in the file's name at the time of day that it spells; UTC."""
    try:
        if "T" in text:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        clock = time.fromisoformat(text)
        found = DATE_IN_NAME.search(file.name)
        if not found:
            raise ImportFileError(
                f"there is no date in the name {file.name}",
                found=f"--fetched-at {text}, a time of day",
                remedy="write the instant: 2017-01-03T22:00Z",
            )
        day = date(*map(int, found.groups()))
        return datetime.combine(day, clock, clock.tzinfo or UTC).astimezone(UTC)
    except ValueError as error:
        raise ImportFileError(
            f"{text} is no time of fetching", found=str(error), remedy="write 2017-01-03T22:00Z, or 22:00Z"
        ) from error


def read_file(file: Path, layout: Layout, told: Told, *, at: datetime) -> tuple[Range, Fetched]:
    """What is kept of one file. A table without a line is kept too: that nothing came is a fact."""
    try:
        body = file.read_bytes()
        table = layout.table(body)
        days = sorted(_days(table, layout, file))
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, ZlibError, UnicodeDecodeError) as error:
        raise ImportFileError(
            f"{file} cannot be read", found=str(error), remedy="look at the file"
        ) from error
    begin, end = (days[0], days[-1] + timedelta(1)) if days else (at.date(), at.date())
    facts = {
        "basis": told.basis,
        "layout": layout.name,
        "columns": ",".join(f"{field}={name}" for field, name in layout.columns.items()),
        "file": file.name,
    } | ({"instruments": "provisional"} if told.provisional else {})
    facts |= asdict(told.stamps) if told.stamps else {}
    asked = Range(told.source, layout.dataset, told.symbol, begin, end)
    return asked, Fetched(body, table, _lines(table) - bool(table), "import", at, None, facts, kind="file")


def _days(table: bytes, layout: Layout, file: Path) -> Iterator[date]:
    """The days of a table's rows, as far as they can be read; a table with other columns is an error."""
    text = table.decode()
    rows = csv.reader(io.StringIO(text))
    header = next(rows, [])
    if missing := [name for name in layout.columns.values() if name not in header] if header else []:
        raise ImportFileError(
            f"{file} is not laid out as {layout.name}",
            found=f"no column {', '.join(missing)} in line 1: {','.join(header)[:200]}",
            remedy="name its layout, or its columns with --columns",
        )
    place = header.index(layout.columns[WHEN[layout.dataset]]) if header else 0
    for row in rows:
        try:
            yield date.fromisoformat(row[place][:10])
        except (ValueError, IndexError):
            continue  # it is judged, and rejected by its line, when the table is loaded


def _lines(table: bytes) -> int:
    return table.count(b"\n") + bool(table and not table.endswith(b"\n"))
