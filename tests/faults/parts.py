"""What `make prove` runs, and the parts of `make prove-full`."""

from dataclasses import dataclass

from tapehouse.services.profiles import CLUSTER, MINIO, ZOOKEEPER
from tests.faults.fault import Options

SEEDS = (1, 2, 3)
BRIEF, TWENTY = Options(seed=1, kills=3), Options(seed=1, kills=20)


@dataclass(frozen=True)
class Step:
    """One scenario at one seed."""

    scenario: str
    options: Options

    def __str__(self) -> str:
        return f"{self.scenario}, seed {self.options.seed}"


# whole-way kills the driver, its halves and each service at random instants, as `instants` and `services` do
PROVE = ("failpoints", "history", "budget", "whole-way", "airflow")
OUTAGES = (
    "services",
    "store-stalls",
    "services-long",
    "store-away",
    "services-gone",
    "full-checkpoint-disk",
    "full-store-disk",
)
ALL_FAULTS = (
    "zombies",
    "taken-meanwhile",
    "two-at-once",
    "clock",
    "load",
    "producer",
    "live-producer",
    "checkpoint",
    "topic",
    "rebuild",
)
PARTS: dict[str, tuple[Step, ...]] = {
    "kills": tuple(
        Step(name, Options(seed, kills=20)) for seed in SEEDS for name in ("failpoints", "instants")
    ),
    "faults": tuple(Step(name, TWENTY if name == "two-at-once" else BRIEF) for name in ALL_FAULTS),
    "outages": tuple(Step(name, BRIEF) for name in OUTAGES),
    "pauses": (Step("pauses", BRIEF), Step("lid-closed", BRIEF)),
    "soak": (Step("soak", BRIEF),),
    "batch": (Step("batch", BRIEF),),
    "airflow": tuple(Step(f"airflow-{name}", BRIEF) for name in ("sessions", "kills", "bad-data")),
    "cluster": tuple(Step(name, BRIEF) for name in ("whole-hour", "leader", "workers", "airflow-cluster")),
    "zookeeper": (Step("whole-hour", BRIEF),),
    "minio": tuple(Step(name, BRIEF) for name in ("whole-hour", "failpoints", "two-at-once", "whole-way")),
    "warehouse": tuple(Step("whole-way", Options(seed, kills=20)) for seed in SEEDS),
}
# the services of a part, where they are not a laptop's
PROFILE_OF = {"cluster": CLUSTER, "zookeeper": ZOOKEEPER, "minio": MINIO}
