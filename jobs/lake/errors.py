"""Errors of the jobs and the command line, under one root.

TapehouseError
├── UsageError             an option or argument that cannot be used
├── SettingsError          a setting is missing or wrong
├── InstrumentsError       conf/instruments.yaml does not say what it must
├── TopicError             a topic that is missing, or was made anew
├── CheckpointError        a checkpoint that does not belong to these tables
├── LeaseError             another driver writes these tables
├── WriteSkippedError      Delta took a write for a replay and dropped it
├── SchemaError            a table whose columns are not those of this version
├── UnfinishedBatchError   a batch of the stream that not all tables hold
├── StoppedError           asked to stop before all was done
├── BudgetError            a source may not be asked now; `until` says when it may
├── FetchError             a vendor did not give what is followed
├── ServiceError           a local service does not start, stop or answer
├── RejectedDataError      data that is not laid out as it should be, or mostly rejected
└── NoDataError            nothing to work on: an empty range, no accepted row
"""

from datetime import datetime


class TapehouseError(Exception):
    """A fault whose message says what, what was found, and the remedy, a line each.

    `exit_code` is what a program ends with: 1 failure, 2 usage or settings, 42 data.
    """

    exit_code = 1

    def __init__(self, what: str, *, found: str = "", remedy: str = "") -> None:
        self.what, self.found, self.remedy = what, found, remedy
        lines = [what, f"found: {found}" if found else "", f"remedy: {remedy}" if remedy else ""]
        super().__init__("\n".join(line for line in lines if line))


class UsageError(TapehouseError):
    exit_code = 2


class SettingsError(TapehouseError):
    exit_code = 2


class InstrumentsError(TapehouseError):
    exit_code = 2


class TopicError(TapehouseError):
    pass


class CheckpointError(TapehouseError):
    pass


class LeaseError(TapehouseError):
    pass


class WriteSkippedError(TapehouseError):
    pass


class SchemaError(TapehouseError):
    pass


class UnfinishedBatchError(TapehouseError):
    pass


class StoppedError(TapehouseError):
    pass


class ServiceError(TapehouseError):
    pass


class FetchError(TapehouseError):
    pass


class BudgetError(TapehouseError):
    def __init__(
        self, what: str, *, found: str = "", remedy: str = "", until: datetime | None = None
    ) -> None:
        super().__init__(what, found=found, remedy=remedy)
        self.until = until


class RejectedDataError(TapehouseError):
    exit_code = 42


class NoDataError(TapehouseError):
    exit_code = 2
