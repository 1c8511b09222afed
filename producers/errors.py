"""Errors of the producers.

ProducerError
├── RecordingError          a file that is not a recording, or holds nothing
├── ImportFileError         a file that cannot be imported as it is said to be
├── StreamError             a live stream that cannot be reached
└── SourceError             a vendor did not give what was asked for
    ├── OutageError         no usable answer: worth another try
    ├── UnreadableError     an answer in another form than it was
    ├── TooFastError        asked too quickly: worth another try after a pause
    ├── RefusedError        it does not want to be asked now: it is left alone for a while
    ├── DayIsSpentError     it says that the day's calls are spent
    ├── PremiumError        not for this key: never worth another try
    ├── KeyRefusedError     the key is missing or wrong
    └── UnknownSymbolError  it does not know the symbol, or knows nothing of it
"""


class ProducerError(Exception):
    """A fault whose message says what, what was found, and the remedy, a line each."""

    exit_code = 1

    def __init__(self, what: str, *, found: str = "", remedy: str = "") -> None:
        self.what, self.found, self.remedy = what, found, remedy
        lines = [what, f"found: {found}" if found else "", f"remedy: {remedy}" if remedy else ""]
        super().__init__("\n".join(line for line in lines if line))


class RecordingError(ProducerError):
    exit_code = 2


class ImportFileError(ProducerError):
    exit_code = 2


class StreamError(ProducerError):
    pass


class SourceError(ProducerError):
    pass


class OutageError(SourceError):
    pass


class UnreadableError(SourceError):
    """`body` is the answer as it came, and `problem` what it has lost, or has with another type, if that is known."""

    def __init__(
        self, what: str, *, found: str = "", remedy: str = "", problem: str = "", body: bytes = b""
    ) -> None:
        super().__init__(what, found=found, remedy=remedy)
        self.problem, self.body = problem, body


class TooFastError(SourceError):
    pass


class RefusedError(SourceError):
    pass


class DayIsSpentError(SourceError):
    pass


class PremiumError(SourceError):
    pass


class KeyRefusedError(SourceError):
    exit_code = 2


class UnknownSymbolError(SourceError):
    pass
