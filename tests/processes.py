"""Programs that a test starts as their users do."""

import subprocess
import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    """Within two minutes, while the process lives."""
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, "it ended by itself"
        time.sleep(0.1)
    raise AssertionError("not within two minutes")
