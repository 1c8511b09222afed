"""`tapehouse ps`: the services and what runs beside them, their pids, ports and logs."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON list")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if one has died, 2 if nothing was started."""
    from dataclasses import asdict

    from tapehouse.context import require_running

    instance = require_running()
    services = [*instance.services(), *instance.programs()]
    if args.json:
        print(json.dumps([asdict(service) for service in services], indent=1))
    else:
        for service in services:
            who = f"{service.name:21} {service.state:8} pid {service.pid or '-':<8}"
            print(f"{who} port {service.port or '-':<6} {service.log}")
    return 1 if any(service.state == "died" for service in services) else 0
