"""What tests of history share."""

import pytest

from tests.stack import Stack


@pytest.fixture
def raw(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A place in the raw bucket of the test alone."""
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    return stack
