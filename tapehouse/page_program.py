"""The live page as a program beside the services: it is stopped with them."""

import http.client
import sys
import time
from typing import TYPE_CHECKING

from jobs.lake.errors import ServiceError
from tapehouse.services import processes

if TYPE_CHECKING:
    from tapehouse.services.instance import Instance

NAME = "page"
READY_WITHIN = 60.0


def start_page(instance: "Instance") -> str:
    """Start the page, if it does not run already, and wait until it answers; its address."""
    place = instance.reserve([NAME])
    port = place.ports[NAME]
    if not instance.runs(NAME):
        command = [sys.executable, "-m", "tapehouse", "page", "--port", str(port)]
        started = instance.start_job(NAME, command)
        deadline = time.monotonic() + READY_WITHIN
        while not _answers(port):
            if not processes.is_alive(started) or time.monotonic() > deadline:
                raise ServiceError(
                    "the page does not answer",
                    found=f"nothing at port {port}",
                    remedy=f"read {place.log(NAME)}; `tapehouse page` starts it by hand",
                )
            time.sleep(0.2)
    return f"http://127.0.0.1:{port}/"


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status in {200, 503}
    except OSError:
        return False
    finally:
        connection.close()
