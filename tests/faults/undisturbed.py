"""The whole hour without a fault: what a profile of services is shown to work by."""

from tests.faults.fault import Options
from tests.faults.lake import Lake


def whole_hour(lake: Lake, options: Options) -> None:
    """Every message through the main job; the bars equal the answers."""
    del options
    lake.finish()
