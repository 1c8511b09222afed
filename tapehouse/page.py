"""`tapehouse page`: the live web page of the market and of the pipeline's health. It only reads."""

import argparse
import os
import socket
import sys
from importlib.abc import MetaPathFinder

ARENAS = -8  # glibc's number of M_ARENA_MAX
STOP_WITHIN = 2.0  # seconds for the looks that are under way


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from jobs.lake.arguments import at_least_one

    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8090, metavar="N", help="0 for one that is free (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that browsers may call this page by, beside 127.0.0.1 and localhost; repeatable",
    )
    parser.add_argument(
        "--max-clients",
        type=at_least_one,
        default=100,
        metavar="N",
        help="browsers that are told what changes, at once (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Exit code 0 after SIGTERM or Ctrl-C."""
    import uvicorn
    from prometheus_client import disable_created_metrics

    from jobs.lake.program import log_as_key_values
    from tapehouse.context import use_running_environment
    from tapehouse.web.app import Server
    from tapehouse.web.assets import find_assets

    settings = use_running_environment()
    find_assets()
    _stay_small()
    log_as_key_values()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    listener = _listen(args.host, args.port)
    hosts = [args.host, *args.allow_host]
    server = Server(settings, most_clients=args.max_clients)
    config = uvicorn.Config(
        server.app(hosts),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        # streams, and what a browser asks beside its own
        limit_concurrency=2 * args.max_clients + 50,
    )
    print(f"http://{args.host}:{listener.getsockname()[1]}/", flush=True)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    if not server.health.has_ended(STOP_WITHIN):
        # a service that does not answer must not hold up the end: nothing is written that could be lost
        sys.stdout.flush()
        os._exit(0)
    return 0


class _WithoutPandas(MetaPathFinder):
    """pyarrow brings pandas where it is installed, only to ask of each value whether it is a frame: none here is."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the page's server does without pandas", name=fullname)


def _stay_small() -> None:
    """Take a third less memory."""
    import ctypes

    # else glibc gives each thread an arena of its own, and each keeps what was freed in it
    if limit := getattr(ctypes.CDLL(None), "mallopt", None):
        limit(ARENAS, 2)
    sys.meta_path.insert(0, _WithoutPandas())
    import pyarrow

    # what is freed goes back to the system
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    pyarrow.table({"asked": [1]})  # whether there is pandas, before there are threads that ask


def _listen(host: str, port: int) -> socket.socket:
    from jobs.lake.errors import UsageError
    from tapehouse.measuring.page import cannot_listen

    if ":" in host:
        # requests are let in by the name that they call the page by, which is told from its port by a colon
        raise UsageError(
            "the page listens at names and IPv4 addresses",
            found=f"--host {host}",
            remedy="choose 127.0.0.1, 0.0.0.0 or a name, and put a proxy in front for IPv6",
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise cannot_listen(host, port, error) from error
