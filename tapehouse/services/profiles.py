"""The sets of services that `tapehouse up --profile` starts, each in a folder of its own."""

from pathlib import Path

from tapehouse.paths import LOCAL, STATE
from tapehouse.services.kafka import Kafka, all_brokers
from tapehouse.services.minio import Minio
from tapehouse.services.postgres import Postgres
from tapehouse.services.service import Service
from tapehouse.services.spark import SparkHistory, SparkMaster, SparkWorker
from tapehouse.services.store import Store
from tapehouse.services.zookeeper import OldKafka, ZooKeeper

LAPTOP, CLUSTER, ZOOKEEPER, MINIO = "laptop", "cluster", "zookeeper", "minio"
BROKERS, WORKERS = 3, 2

# in the order in which they start
PROFILES: dict[str, tuple[Service, ...]] = {
    LAPTOP: (Postgres(), Store(), Kafka()),
    CLUSTER: (
        Postgres(),
        Store(),
        *all_brokers(BROKERS),
        SparkMaster(),
        *(SparkWorker(number) for number in range(1, WORKERS + 1)),
        SparkHistory(),
    ),
    ZOOKEEPER: (Postgres(), Store(), ZooKeeper(), OldKafka()),
    MINIO: (Postgres(), Minio(), Kafka()),
}


def folder_of(profile: str) -> Path:
    """Where this checkout keeps the services of a profile."""
    return LOCAL if profile == LAPTOP else STATE / profile
