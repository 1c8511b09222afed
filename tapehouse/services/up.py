"""`tapehouse up`: start what is not running."""

import argparse
import sys

PROFILES = ("laptop", "cluster", "zookeeper", "minio")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        help="laptop: one of each service; cluster: three Kafka brokers, a Spark master and two workers; "
        "zookeeper: Kafka 3.9 with a ZooKeeper; minio: MinIO as the store. Each has its own data "
        "(default: the one that is up, else laptop)",
    )


def run(args: argparse.Namespace) -> int:
    from tapehouse.context import own_services
    from tapehouse.services.lock import sole_use

    instance = own_services(args.profile)
    with sole_use(instance.folder):
        instance.start(lambda line: print(f"started {line}", file=sys.stderr))
    print('ready. next: eval "$(.venv/bin/tapehouse env)"', file=sys.stderr)
    return 0
