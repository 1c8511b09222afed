"""Which services a command speaks to: those that the environment names, or those of this checkout that are up."""

import os

from jobs.lake.errors import SettingsError, UsageError
from jobs.lake.settings import Settings, is_named, read_settings
from tapehouse.paths import DEMO, LOCAL
from tapehouse.services.instance import Instance, find_running

# if this is set, the settings were prepared by somebody who meant it
NAMED_BY = "TAPEHOUSE_KAFKA_BOOTSTRAP"


def use_running_environment() -> Settings:
    """The settings of the environment, else of the instance that is up; its names are put into the environment."""
    if not is_named(NAMED_BY):
        os.environ.update(require_running().environment())
    return read_settings()


def own_services() -> Instance:
    """The instance of `make up`, which may not be started beside a kept demo."""
    if Instance(DEMO).is_up:
        raise UsageError(
            "the services of a kept demo are up", found=str(DEMO), remedy="stop them first: `make down`"
        )
    return Instance(LOCAL)


def require_running() -> Instance:
    """The instance of this checkout that is up."""
    instance = find_running()
    if instance is None:
        raise SettingsError(
            "nothing is started",
            found="no services of this checkout, and no TAPEHOUSE_KAFKA_BOOTSTRAP in the environment",
            remedy="run `make up`, or `make demo KEEP=1`",
        )
    return instance
