"""Settings that the environment names for the length of a block."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import pytest

from jobs.lake.settings import Settings, read_settings


@contextmanager
def named_settings(environment: Mapping[str, str]) -> Generator[Settings, None, None]:
    """They are read while the environment names them too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield read_settings()
