"""`tapehouse ps`: the services, their pids, ports and logs."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON list")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if a service has died, 2 if nothing was started."""
    from dataclasses import asdict

    from tapehouse.context import require_running

    services = require_running().services()
    if args.json:
        print(json.dumps([asdict(service) for service in services], indent=1))
    else:
        for service in services:
            print(
                f"{service.name:10} {service.state:8} pid {service.pid or '-':<8} port {service.port:<6} {service.log}"
            )
    return 1 if any(service.state == "died" for service in services) else 0
