"""Errors of the producers.

ProducerError
├── RecordingError    a file that is not a recording, or holds nothing
└── StreamError       a live stream that cannot be reached
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


class StreamError(ProducerError):
    pass
