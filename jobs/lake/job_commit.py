"""What the commits of a batch job say of themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.lake.progress import EPOCH_STEP


@dataclass(frozen=True)
class JobCommit:
    """`userMetadata` of a commit: the job, its run in the ledger, and what of it was done. `number` grows in a run."""

    job: str
    run_id: str
    epoch: int
    number: int
    done: Mapping[str, str]
    sequence: None = None

    def to_json(self) -> str:
        told = {"job": self.job, "run_id": self.run_id, "epoch": self.epoch, "number": self.number}
        return json.dumps(told | {"done": dict(self.done)}, sort_keys=True)

    @property
    def transaction_version(self) -> int:
        """Grows with every commit of a run, and a newer run's are all larger than an older one's."""
        return self.epoch * EPOCH_STEP + self.number
