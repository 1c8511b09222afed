"""Files as pairs of the raw bucket: what each layout gives, and what is refused."""

import gzip
import io
import tarfile
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from producers.errors import ImportFileError
from producers.imports import MINUTES, PYSTOCK, WIKI, Stamps, Told, fetched_at, mapped, read_file
from producers.raw_store import MANY

AT = datetime(2017, 1, 3, 22, tzinfo=UTC)
TOLD = Told("pystock", "raw", provisional=True)
PRICES = (
    b"symbol,date,open,high,low,close,volume,adj_close\r\n"
    b"AA,2017-01-02,1,2,1,2,100,2\r\nAA,2017-01-03,2,2,2,2,7,2\r\n"
)
NAMES = {name: name.title() for name in ("symbol", "open", "high", "low", "close", "volume")}


def capture(folder: Path, prices: bytes, name: str = "prices.csv") -> Path:
    file = folder / "20170103.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for member, content in ((name, prices), ("symbols.txt", b"AA")):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file


def test_a_capture_is_kept_with_its_table_byte_for_byte(tmp_path: Path) -> None:
    file = capture(tmp_path, PRICES)
    asked, fetched = read_file(file, PYSTOCK, TOLD, at=AT)
    assert (asked.source, asked.dataset, asked.vendor_symbol) == ("pystock", "bars_1d", MANY)
    assert (asked.begin, asked.end) == (date(2017, 1, 2), date(2017, 1, 4))
    assert (fetched.body, fetched.table, fetched.rows) == (file.read_bytes(), PRICES, 2)
    assert (fetched.covers, fetched.fetched_at) == (None, AT)
    assert fetched.facts["layout"] == "pystock"
    assert fetched.facts["instruments"] == "provisional"


def test_an_empty_capture_is_kept_too(tmp_path: Path) -> None:
    asked, fetched = read_file(capture(tmp_path, b""), PYSTOCK, TOLD, at=AT)
    assert (asked.begin, asked.end, fetched.rows, fetched.table) == (AT.date(), AT.date(), 0, b"")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, "zip"])
def test_a_map_of_columns_reads_any_csv_packed_or_not(tmp_path: Path, pack: object) -> None:
    table = b"Symbol,Date,Open,High,Low,Close,Volume\nAA,2017-01-03 00:00:00-05:00,2,2,2,2,7\n"
    file = tmp_path / "bars"
    if pack == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("bars.csv", table)
    else:
        file.write_bytes(pack(table))  # type: ignore[operator]
    asked, fetched = read_file(file, mapped(NAMES | {"session": "Date"}), TOLD, at=AT)
    assert (fetched.table, fetched.rows, asked.begin) == (table, 1, date(2017, 1, 3))
    assert "session=Date" in fetched.facts["columns"]


@pytest.mark.parametrize(
    ("content", "layout", "said"),
    [
        (PRICES, PYSTOCK, "not a gzip file|cannot be read"),
        (b"ticker,day\n", WIKI, "not laid out as wiki"),
        (b"PK\x03\x04 torn", WIKI, "cannot be read"),
        (b"\x1f\x8b torn", WIKI, "cannot be read"),
        (b"\xff\xfe", WIKI, "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_it_is_said_to_be_is_refused(
    tmp_path: Path, content: bytes, layout: object, said: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(ImportFileError, match=said):
        read_file(file, layout, TOLD, at=AT)  # type: ignore[arg-type]


def test_a_capture_without_prices_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="there is no prices"):
        read_file(capture(tmp_path, PRICES, "other.csv"), PYSTOCK, TOLD, at=AT)
    with pytest.raises(ImportFileError, match="cannot be read"):
        read_file(tmp_path / "none", PYSTOCK, TOLD, at=AT)


def test_a_row_whose_day_cannot_be_read_is_kept_for_the_load_to_judge(tmp_path: Path) -> None:
    asked, fetched = read_file(
        capture(tmp_path, PRICES + b"AA,soon,1,1,1,1,1,1\r\nAA\r\n"), PYSTOCK, TOLD, at=AT
    )
    assert (fetched.rows, asked.end) == (4, date(2017, 1, 4))


def test_a_map_of_columns_names_all_that_a_bar_needs_and_nothing_else() -> None:
    with pytest.raises(ImportFileError, match="says nothing of session"):
        mapped(NAMES)
    with pytest.raises(ImportFileError, match="knows no mood"):
        mapped(NAMES | {"session": "Date", "mood": "Mood"})


def test_the_time_of_fetching_is_an_instant_or_a_time_on_the_day_in_the_name() -> None:
    file = Path("20170103.tar.gz")
    assert fetched_at("22:00Z", file) == AT
    assert fetched_at("2017-01-03T17:00-05:00", file) == AT
    assert fetched_at("2017-01-03T22:00", file) == AT
    for text, name in (("noon", "20170103.csv"), ("22:00Z", "prices.csv"), ("22:00Z", "20171303.csv")):
        with pytest.raises(ImportFileError):
            fetched_at(text, Path(name))


def test_minutes_are_kept_with_what_their_stamps_name(tmp_path: Path) -> None:
    table = b"time,open,high,low,close,volume\n2020-12-18 20:00:00,1,1,1,1,5\n2020-12-17 04:01:00,1,1,1,1,5\n"
    file = tmp_path / "minutes.csv"
    file.write_bytes(table)
    columns = {name: name for name in ("open", "high", "low", "close", "volume")} | {"stamp": "time"}
    told = Told("mine", "raw", provisional=False, symbol="MSFT", stamps=Stamps("end", "US/Eastern"))
    asked, fetched = read_file(file, mapped(columns, MINUTES), told, at=AT)
    assert (asked.dataset, asked.begin, asked.end) == ("bars_1m", date(2020, 12, 17), date(2020, 12, 19))
    assert (fetched.table, fetched.rows) == (table, 2)
    assert (fetched.facts["labels"], fetched.facts["time_zone"]) == ("end", "US/Eastern")
    with pytest.raises(ImportFileError, match="says nothing of stamp"):
        mapped({name: name for name in ("open", "high", "low", "close", "volume")}, MINUTES)
    with pytest.raises(ImportFileError, match="bars_1m knows no dividend"):
        mapped(columns | {"dividend": "d"}, MINUTES)
