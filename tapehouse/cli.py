"""The command `tapehouse`. A command's module is imported only when that command is called."""

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence

from jobs.lake.program import done_if_empty
from tapehouse.interruptions import heed

COMMANDS = {
    "demo": ("tapehouse.demo", "stream a trading session through everything and check the result"),
    "up": ("tapehouse.services.up", "start Kafka, the S3 store and PostgreSQL on this machine"),
    "airflow": ("tapehouse.airflow", "start Airflow beside the services, or call its own command line"),
    "down": ("tapehouse.services.down", "stop the services"),
    "ps": ("tapehouse.services.ps", "show the services"),
    "logs": ("tapehouse.services.logs", "show the log of a service"),
    "kill": ("tapehouse.services.kill", "kill -9 a service, to see what happens"),
    "env": ("tapehouse.services.env", "print the environment that programs need, for eval"),
    "provision": (
        "tapehouse.provision",
        "make users, buckets, topic, roles and what each may do, at services of your own",
    ),
    "produce": ("tapehouse.produce", "send a generated or recorded session to Kafka"),
    "live": ("tapehouse.live", "stream Yahoo's live quotes through everything, without a key"),
    "fetch": (
        "tapehouse.fetch",
        "fetch what is followed of one session, unless it was fetched after its close",
    ),
    "history": ("tapehouse.history", "fetch price history and corporate actions into the raw bucket"),
    "import": ("tapehouse.import_files", "take files of bars that you have into the raw bucket"),
    "batch": ("tapehouse.batch", "work fetched history through: load, build, serve, one session or several"),
    "backfill": ("tapehouse.backfill", "fetch history of some instruments, and work it through"),
    "budget": ("tapehouse.budget", "show the calls that each vendor may still be asked today"),
    "instruments": ("tapehouse.instruments", "list the instruments, their spellings, and what is followed"),
    "follow": ("tapehouse.follow", "expect quotes, days or minutes of instruments from now on"),
    "unfollow": ("tapehouse.unfollow", "expect them no longer"),
    "gaps": ("tapehouse.gaps", "show what is missing of what is followed and why, and fill it"),
    "doctor": ("tapehouse.doctor", "look at the machine, the services and the way to the vendors"),
    "status": ("tapehouse.status", "show how fresh each table is, and what is wrong"),
    "page": ("tapehouse.page", "show the market and the pipeline's health as a live web page"),
    "metrics": ("tapehouse.metrics", "show Prometheus what is known of the pipeline"),
    "guard": ("tapehouse.guard", "look at the stream once, and say whether it is to be started"),
    "dag-run": ("tapehouse.dag_run", "note how a run of one of Airflow's DAGs ended, or that it is late"),
    "redrive": (
        "tapehouse.redrive",
        "send rejected messages to Kafka again, after what rejected them was put right",
    ),
    "verify": ("tapehouse.verify", "check the invariants from bronze up, with another engine"),
    "rebuild": ("tapehouse.rebuild", "work sessions out again from bronze, while the stream is stopped"),
    "rebuild-checkpoint": (
        "tapehouse.rebuild_checkpoint",
        "begin a new checkpoint where the tables' commits say that the stream is",
    ),
    "optimize": ("tapehouse.optimize", "write the small files of tables together; no row changes"),
    "vacuum": ("tapehouse.vacuum", "delete the files that no version of the last 7 days holds"),
    "load": (
        "tapehouse.load",
        "bring tables of gold into the warehouse, each exactly one version, with a receipt",
    ),
    "receipts": ("tapehouse.receipts", "show what was loaded into the warehouse"),
    "reconcile": ("tapehouse.reconcile", "compare the warehouse with the versions of the lake that it holds"),
    "export": ("tapehouse.export", "write one version of a table of gold as Parquet files with a manifest"),
    "explain": (
        "tapehouse.explain",
        "show where a number comes from, down to the raw line or the Kafka offset",
    ),
    "sql": ("tapehouse.sql", "query bronze, silver and gold, or the warehouse"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code is 0 done, 1 failure, 2 usage, settings or nothing to speak to, 42 data."""
    if argv is None:
        # as Airflow ends a task whose run was marked failed: the ledger is told how it ended
        heed(signal.SIGTERM)
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = arguments[0] if arguments and arguments[0] in COMMANDS else None
    parser, _ = build_parser(options_of=[named] if named else [])
    return _run(parser.parse_args(arguments))


def build_parser(
    options_of: Sequence[str],
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of its commands; only those named have their options, the others' modules stay unread."""
    parser = argparse.ArgumentParser(
        prog="tapehouse",
        description="A market-data lakehouse whose every number can be traced and proved.",
        epilog="Exit codes: 0 done, 1 failure, 2 usage, settings or nothing started, 42 data.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {}
    for command, (module, summary) in COMMANDS.items():
        below = subparsers.add_parser(
            command, help=summary, description=summary[0].upper() + summary[1:] + "."
        )
        commands[command] = below
        if command in options_of:
            importlib.import_module(module).add_arguments(below)
            below.add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser, commands


def _run(args: argparse.Namespace) -> int:
    try:
        command = importlib.import_module(COMMANDS[args.command][0])
        may_be_empty = getattr(args, "allow_empty", False)
        return int(done_if_empty(lambda: command.run(args)) if may_be_empty else command.run(args))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if args.debug:
            raise
        remedy = "" if code else "\nremedy: repeat with --debug for the stack"
        kind = "" if code else f"{type(error).__name__}: "
        print(f"error: {kind}{error}{remedy}", file=sys.stderr)
        return code or 1
