"""The error of the set-up, which runs before any package is there."""


class SetupError(Exception):
    """What is wrong, what was found, and the remedy."""

    def __init__(self, what: str, found: str, remedy: str) -> None:
        super().__init__(f"{what}\nfound: {found}\nremedy: {remedy}")
