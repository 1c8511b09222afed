"""A checkpoint that is lost, torn or another's, after a crash between two of a batch's commits; a topic made anew."""

import json
import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from jobs.lake.tables import STREAM
from tapehouse.services.kafka import make_topic
from tests.faults.fault import Fault, Options
from tests.faults.kills import DIES_WITHIN, FAILPOINTS
from tests.faults.lake import Lake

REFUSED_WITHIN = 120
REMEDY = "tapehouse rebuild-checkpoint"


def harmed(lake: Lake, options: Options) -> None:
    """The start is refused and names the remedy; after it the tables are completed from where each of them ends."""
    crashes = [name for name in FAILPOINTS if name.endswith("alone has committed")]
    options.chance().shuffle(crashes)
    for crash, (kind, harm) in zip(crashes, HARMS.items(), strict=True):
        lake.send(0.8 / len(HARMS))
        driver = lake.driver(failpoints=FAILPOINTS[crash])
        code = driver.ended(seconds=DIES_WITHIN)
        driver.kill()  # whatever its other half has left
        assert code == -signal.SIGKILL, f"ended with {code}, not by kill -9; {driver.last_words}"
        lake.meet(Fault("checkpoint", kind, f"after a crash when {crash}"))
        harm(lake.settings.checkpoints / STREAM)
        _is_refused(lake, naming=REMEDY)
        for _ in range(2):
            done = lake.tapehouse("rebuild-checkpoint")
            assert done.returncode == 0, f"rebuild-checkpoint: {done.stderr[-1000:]}"
    lake.finish()


def topic_made_anew(lake: Lake, options: Options) -> None:
    """The same name with another id: its offsets would pass for those that the tables hold."""
    del options  # nothing is left to chance
    lake.finish()
    lake.meet(Fault("topic", "deletion and creation", "after a stop"))
    _make_anew(lake.settings.kafka_bootstrap, lake.topic)
    _is_refused(lake, naming="TAPEHOUSE_TOPIC=")


def _is_refused(lake: Lake, *, naming: str) -> None:
    driver = lake.driver()
    code = driver.ended(seconds=REFUSED_WITHIN)
    assert code == 1, f"the start was not refused: exit code {code}; {driver.last_words}"
    assert naming in driver.output, f"no word of {naming}; {driver.last_words}"


def _make_anew(bootstrap: str, topic: str) -> None:
    from kafka import KafkaAdminClient

    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.delete_topics([topic])
    make_topic(bootstrap, topic)


def _truncate(checkpoint: Path) -> None:
    newest = max((checkpoint / "offsets").glob("[0-9]*"), key=lambda file: int(file.name))
    newest.write_bytes(newest.read_bytes()[:-20])


def _exchange(checkpoint: Path) -> None:
    """As if it had been made for another topic."""
    identity = checkpoint.with_name(f"{STREAM}.identity.json")
    identity.write_text(json.dumps(json.loads(identity.read_text()) | {"topic id": "another"}))


HARMS: dict[str, Callable[[Path], None]] = {
    "deletion": shutil.rmtree,
    "truncation": _truncate,
    "exchange": _exchange,
}
