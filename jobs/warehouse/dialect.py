"""What two engines spell differently, for one SQL text: names, types, and the whole number that stands for a value.

A value is compared by a whole number, the same in every engine, never by a text that a number was formatted to: a
decimal by its digits, a time by its microseconds, a text by 64 bits of its MD5.
"""

from abc import ABC, abstractmethod

from jobs.warehouse.columns import Column

# in the lake's column of doubles, what is less than this part of one is not told apart
DOUBLE_DIGITS = 12
OPERATION = Column("lake_op", "text")  # of a staged row: U inserted or updated, D deleted
SEPARATOR = "CHR(31)"


class Dialect(ABC):
    """How an engine spells what the others spell otherwise."""

    parameter: str
    whole_number: str
    widest: str  # of whole numbers
    temporary: str  # a staging table, which no other session needs

    @abstractmethod
    def name(self, name: str) -> str: ...

    @abstractmethod
    def type_of(self, column: Column, *, staged: bool = False) -> str:
        """Staged files carry times as whole microseconds: no reader can shift them."""

    @abstractmethod
    def from_staged(self, column: Column, *, of: str) -> str:
        """The value of a staged column as the table holds it."""

    @abstractmethod
    def time_of(self, micros: str) -> str:
        """The time that is whole microseconds after 1970 began."""

    @abstractmethod
    def whole(self, column: Column, *, staged: bool = False) -> str:
        """The whole number that stands for a column's value, null for null."""

    @abstractmethod
    def hash(self, text: str) -> str:
        """The lower 64 bits of the MD5 of a text, unsigned."""

    def key_text(self, key: tuple[Column, ...], *, staged: bool = False) -> str:
        """The key of a row as one text."""
        parts = [self._text(column, staged=staged) for column in key]
        return f" || {SEPARATOR} || ".join(parts)

    def _whole_double(self, value: str) -> str:
        """In two parts, so that neither is beyond what a double holds exactly."""
        below, part = f"FLOOR({value})", f"1e{DOUBLE_DIGITS}"
        above = f"CAST({below} AS {self.widest}) * 1{'0' * DOUBLE_DIGITS}"
        return f"({above} + CAST(ROUND(({value} - {below}) * {part}) AS {self.widest}))"

    def _text(self, column: Column, *, staged: bool) -> str:
        if column.kind in ("text", "json"):
            return self.name(column.name)
        return f"CAST({self.whole(column, staged=staged)} AS VARCHAR)"


class SnowflakeDialect(Dialect):
    parameter = "%s"
    whole_number = widest = "NUMBER(38,0)"
    temporary = "TRANSIENT"

    def name(self, name: str) -> str:
        return f'"{name.upper()}"'

    def type_of(self, column: Column, *, staged: bool = False) -> str:
        if column.kind == "decimal":
            return f"NUMBER({column.precision},{column.scale})"
        if column.kind == "timestamp":
            return "NUMBER(38,0)" if staged else "TIMESTAMP_NTZ(6)"
        return {"integer": "NUMBER(38,0)", "double": "FLOAT", "boolean": "BOOLEAN", "date": "DATE"}.get(
            column.kind, "VARCHAR"
        )

    def from_staged(self, column: Column, *, of: str) -> str:
        value = f"{of}.{self.name(column.name)}"
        return self.time_of(value) if column.kind == "timestamp" else value

    def time_of(self, micros: str) -> str:
        return f"TO_TIMESTAMP_NTZ({micros}, 6)"

    def whole(self, column: Column, *, staged: bool = False) -> str:
        value = self.name(column.name)
        if column.kind == "decimal":
            return f"CAST({value} * 1{'0' * column.scale} AS NUMBER(38,0))"
        if column.kind == "timestamp":
            return value if staged else f"DATE_PART(EPOCH_MICROSECOND, {value})"
        return {
            "integer": value,
            "double": self._whole_double(value),
            "boolean": f"IFF({value}, 1, IFF({value} IS NULL, NULL, 0))",
            "date": f"DATEDIFF('day', CAST('1970-01-01' AS DATE), {value})",
        }.get(column.kind, self.hash(value))

    def hash(self, text: str) -> str:
        return f"MD5_NUMBER_LOWER64({text})"


class DuckDBDialect(Dialect):
    parameter = "?"
    whole_number, widest = "BIGINT", "HUGEINT"
    temporary = "TEMPORARY"

    def name(self, name: str) -> str:
        return f'"{name}"'

    def type_of(self, column: Column, *, staged: bool = False) -> str:
        if column.kind == "decimal":
            return f"DECIMAL({column.precision},{column.scale})"
        if column.kind == "timestamp":
            return "BIGINT" if staged else "TIMESTAMP"
        return {"integer": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}.get(
            column.kind, "VARCHAR"
        )

    def from_staged(self, column: Column, *, of: str) -> str:
        value = f"{of}.{self.name(column.name)}"
        return self.time_of(value) if column.kind == "timestamp" else value

    def time_of(self, micros: str) -> str:
        return f"make_timestamp({micros})"

    def whole(self, column: Column, *, staged: bool = False) -> str:
        value = self.name(column.name)
        if column.kind == "decimal":
            wide = "HUGEINT" if column.precision > 18 else "BIGINT"
            return f"CAST({value} * 1{'0' * column.scale} AS {wide})"
        if column.kind == "timestamp":
            return value if staged else f"epoch_us({value})"
        return {
            "integer": value,
            "double": self._whole_double(value),
            "boolean": f"CAST({value} AS INTEGER)",
            "date": f"date_diff('day', DATE '1970-01-01', {value})",
        }.get(column.kind, self.hash(value))

    def hash(self, text: str) -> str:
        return f"CAST('0x' || substr(md5({text}), 17, 16) AS UBIGINT)"


SNOWFLAKE, DUCKDB = SnowflakeDialect(), DuckDBDialect()
