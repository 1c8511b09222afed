"""Which services a command speaks to: those that the environment names, or those of this checkout that are up."""

import os

from jobs.lake.errors import SettingsError, UsageError
from jobs.lake.settings import Settings, is_named, read_settings
from tapehouse.paths import DEMO
from tapehouse.services.instance import Instance, find_running
from tapehouse.services.profiles import LAPTOP, folder_of

# if this is set, the settings were prepared by somebody who meant it
NAMED_BY = "TAPEHOUSE_KAFKA_BOOTSTRAP"


def use_running_environment() -> Settings:
    """The settings of the environment, else of the instance that is up; its names are put into the environment."""
    if not is_named(NAMED_BY):
        os.environ.update(require_running().environment())
    return read_settings()


def own_services(profile: str | None = None) -> Instance:
    """The instance of `make up`: of this profile, by default of the one that is up, else a laptop's.

    It is not started beside a kept demo or another profile.
    """
    running = find_running()
    if profile is None and running is not None and running.folder != DEMO:
        return running
    profile = profile or LAPTOP
    wanted = Instance(folder_of(profile), profile)
    if running is not None and running.folder != wanted.folder:
        raise UsageError(
            f"the services of {'a kept demo' if running.folder == DEMO else 'another profile'} are up",
            found=str(running.folder),
            remedy="stop them first: `make down`",
        )
    return wanted


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
