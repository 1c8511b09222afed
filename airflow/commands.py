"""python airflow/commands.py "db migrate" "pools import pools.json": commands of Airflow's, one after the other.

In one process: importing Airflow takes longer than most of them do. The first that fails ends it.
"""

import shlex
import sys

from airflow.cli.cli_parser import get_parser


def main(commands: list[str]) -> None:
    for command in commands:
        options = get_parser().parse_args(shlex.split(command))
        options.func(options)


if __name__ == "__main__":
    main(sys.argv[1:])
