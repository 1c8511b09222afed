"""What two engines spell differently, for one SQL text: names, types, and the whole number that stands for a value.

A value is compared by a whole number, the same in every engine, never by a text that a number was formatted to: a
decimal by its digits, a time by its microseconds, a text by 64 bits of its MD5.
"""

from abc import ABC, abstractmethod

from jobs.warehouse.columns import Column

# what is less than this part of one is not told apart in doubles
DOUBLE_DIGITS = 12
LONG_DIGITS = 18  # of a decimal that 64 bits hold
OPERATION = Column("lake_op", "text")  # of a staged row: U inserted or updated, D deleted
SEPARATOR = "CHR(31)"


class Dialect(ABC):
    """How an engine spells what the others spell otherwise."""

    parameter: str
    temporary: str  # a staging table, which no other session needs
    whole_number: str  # of 64 bits at least
    widest: str  # of whole numbers
    decimal: str
    types: dict[str, str]  # of the other kinds; what is none of them is VARCHAR

    @abstractmethod
    def name(self, name: str) -> str: ...

    @abstractmethod
    def time_of(self, micros: str) -> str:
        """The time that is whole microseconds after 1970 began."""

    @abstractmethod
    def micros_of(self, time: str) -> str:
        """Whole microseconds since 1970 began."""

    @abstractmethod
    def days_of(self, date: str) -> str:
        """Whole days since 1970 began."""

    @abstractmethod
    def hash(self, text: str) -> str:
        """The lower 64 bits of the MD5 of a text, unsigned."""

    def type_of(self, column: Column, *, staged: bool = False) -> str:
        """Staged files carry times as whole microseconds: no reader can shift them."""
        if column.kind == "decimal":
            return f"{self.decimal}({column.precision},{column.scale})"
        kind = "integer" if staged and column.kind == "timestamp" else column.kind
        return self.types.get(kind, "VARCHAR")

    def from_staged(self, column: Column, *, of: str) -> str:
        """The value of a staged column as the table holds it."""
        value = f"{of}.{self.name(column.name)}"
        return self.time_of(value) if column.kind == "timestamp" else value

    def whole(self, column: Column, *, staged: bool = False) -> str:
        """The whole number that stands for a column's value, null for null."""
        value = self.name(column.name)
        match column.kind:
            case "integer":
                return value
            case "decimal":
                kind = self.widest if column.precision > LONG_DIGITS else self.whole_number
                return f"CAST({value} * 1{'0' * column.scale} AS {kind})"
            case "double":
                return self._whole_double(value)
            case "boolean":
                return f"CASE WHEN {value} THEN 1 WHEN NOT {value} THEN 0 END"
            case "date":
                return self.days_of(value)
            case "timestamp":
                return value if staged else self.micros_of(value)
            case _:
                return self.hash(value)

    def key_text(self, key: tuple[Column, ...], *, staged: bool = False) -> str:
        """The key of a row as one text."""
        parts = [
            self.name(column.name)
            if column.kind in ("text", "json")
            else f"CAST({self.whole(column, staged=staged)} AS VARCHAR)"
            for column in key
        ]
        return f" || {SEPARATOR} || ".join(parts)

    def _whole_double(self, value: str) -> str:
        """In two parts, so that neither is beyond what a double holds exactly."""
        below, part = f"FLOOR({value})", f"1e{DOUBLE_DIGITS}"
        above = f"CAST({below} AS {self.widest}) * 1{'0' * DOUBLE_DIGITS}"
        return f"({above} + CAST(ROUND(({value} - {below}) * {part}) AS {self.widest}))"


class SnowflakeDialect(Dialect):
    parameter = "%s"
    temporary = "TRANSIENT"
    whole_number = widest = "NUMBER(38,0)"
    decimal = "NUMBER"
    types = {  # ruff: ignore[mutable-class-default] - nobody changes it
        "integer": "NUMBER(38,0)",
        "double": "FLOAT",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "timestamp": "TIMESTAMP_NTZ(6)",
    }

    def name(self, name: str) -> str:
        return f'"{name.upper()}"'

    def time_of(self, micros: str) -> str:
        return f"TO_TIMESTAMP_NTZ({micros}, 6)"

    def micros_of(self, time: str) -> str:
        return f"DATE_PART(EPOCH_MICROSECOND, {time})"

    def days_of(self, date: str) -> str:
        return f"DATEDIFF('day', CAST('1970-01-01' AS DATE), {date})"

    def hash(self, text: str) -> str:
        return f"MD5_NUMBER_LOWER64({text})"


class DuckDBDialect(Dialect):
    parameter = "?"
    temporary = "TEMPORARY"
    whole_number, widest = "BIGINT", "HUGEINT"
    decimal = "DECIMAL"
    types = {  # ruff: ignore[mutable-class-default] - nobody changes it
        "integer": "BIGINT",
        "double": "DOUBLE",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
    }

    def name(self, name: str) -> str:
        return f'"{name}"'

    def time_of(self, micros: str) -> str:
        return f"make_timestamp({micros})"

    def micros_of(self, time: str) -> str:
        return f"epoch_us({time})"

    def days_of(self, date: str) -> str:
        return f"date_diff('day', DATE '1970-01-01', {date})"

    def hash(self, text: str) -> str:
        return f"CAST('0x' || substr(md5({text}), 17, 16) AS UBIGINT)"


SNOWFLAKE, DUCKDB = SnowflakeDialect(), DuckDBDialect()
