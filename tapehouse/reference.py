"""python -m tapehouse.reference [--check]: the pages of docs/ that follow from the code, written or compared."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tapehouse.paths import ROOT

PAGE_SHOWS = "the live page, at /metrics of `tapehouse page`"
WRITTEN_BY = "Written by `make docs` from `{}`: change that and run it again.\n"


def main(argv: list[str] | None = None) -> int:
    """Exit code 1 with --check if a page differs from what the code says."""
    parser = argparse.ArgumentParser(prog="tapehouse.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    args = parser.parse_args(argv)
    stale = [page for page, write in PAGES.items() if not page.exists() or page.read_text() != write()]
    for page in stale:
        if args.check:
            print(f"{page.relative_to(ROOT)} is not what the code says: run `make docs`", file=sys.stderr)
        else:
            page.write_text(PAGES[page]())
            print(f"wrote {page.relative_to(ROOT)}")
    return 1 if stale and args.check else 0


def tables() -> str:
    """The data dictionary: each table's grain, key, partition and columns."""
    from jobs.lake.history_tables import HISTORY_TABLES
    from jobs.lake.tables import STREAM_TABLES

    parts = [
        "# Tables",
        WRITTEN_BY.format(
            "transforms/schemas.py`, `transforms/history_schemas.py`, `transforms/gold_schemas.py` and "
            "`transforms/check_schemas.py"
        ),
    ]
    for table in (*STREAM_TABLES, *HISTORY_TABLES):
        parts += [f"## {table.name}", f"{table.meaning}\n"]
        partition = f" Partition: {table.partition}." if table.partition else ""
        parts += [f"Key: {', '.join(table.key)}.{partition} Writer: `jobs/{table.writer}.py`.\n"]
        rows = [
            f"| {f.name} | {f.dataType.simpleString()} | {f.metadata['comment']} |"
            for f in table.schema.fields
        ]
        parts += ["\n".join(["| column | type | meaning |", "| --- | --- | --- |", *rows]) + "\n"]
    return "\n".join(parts)


def rules() -> str:
    """The rules of quality by name, and what each says must hold."""
    from transforms import action_rules, daily_rules, minute_rules
    from transforms.rules import FIELD_RULES, FLAG_RULES, FRAME_PROBLEMS, SHAPE_RULES

    parts = [
        "# Rules",
        WRITTEN_BY.format(
            "transforms/rules.py`, `transforms/daily_rules.py`, `transforms/minute_rules.py`, "
            "`transforms/action_rules.py` and `transforms/suspicion_rules.py"
        ),
    ]
    kinds = {
        "Rules of shape": (
            "a message that breaks one is rejected for the first that it breaks.",
            SHAPE_RULES,
        ),
        "Rules of frames": (
            "a message that says what its frame lacks is rejected with the names of all of it.",
            FRAME_PROBLEMS,
        ),
        "Rules of fields": (
            "a well-formed message is rejected with the names of all that it breaks.",
            FIELD_RULES,
        ),
        "Flags": ("the quote is kept; the names of those that it breaks are in its `flags`.", FLAG_RULES),
        "Rules of shape for daily bars": (
            "a line of history that breaks one is rejected for the first that it breaks.",
            daily_rules.SHAPE_RULES,
        ),
        "Rules of fields for daily bars": (
            "a line is rejected with the names of all that it breaks; the last is asked where it breaks no other.",
            daily_rules.TEXT_RULES | daily_rules.INSTRUMENT_RULES,
        ),
        "Flags of daily bars": ("the bar is kept, with the names in its `flags`.", daily_rules.FLAG_RULES),
        "Rules of vendors' minute bars": (
            "a line is rejected with the names of all that it breaks; the first is asked alone, the last where it "
            "breaks no other.",
            minute_rules.SHAPE_RULES | minute_rules.TEXT_RULES | minute_rules.INSTRUMENT_RULES,
        ),
        "Flags of vendors' minute bars": (
            "the bar is kept, with the names in its `flags`.",
            minute_rules.FLAG_RULES,
        ),
        "Rules of splits and dividends": (
            "a line is rejected with the names of all that it breaks.",
            action_rules.ACTION_RULES,
        ),
        "Flags of splits and dividends": (
            "the action is kept, with the names in its `flags`.",
            action_rules.ACTION_FLAGS,
        ),
    }
    for name, (meaning, found) in kinds.items():
        rows = [
            f"| {rule} | `{' '.join(holds.replace('|', chr(92) + '|').split())}` |"
            for rule, holds in found.items()
        ]
        parts += [f"## {name}", f"What must hold; {meaning}\n"]
        parts += ["\n".join(["| rule | what must hold |", "| --- | --- |", *rows]) + "\n"]
    return "\n".join([*parts, *suspicions()])


def suspicions() -> list[str]:
    """The names of what is suspicious in bars and actions, in words."""
    from transforms import suspicion_rules as rules

    kinds = {
        "Suspicious bars": ("a bar among its neighbours", rules.BAR_SUSPICIONS),
        "Suspicious splits and dividends": ("an action beside the prices around it", rules.ACTION_SUSPICIONS),
        "Suspicious adjusted closes": (
            "a bar and an action beside a vendor's adjusted close, which no table keeps: whoever has it asks "
            "`transforms/suspicion.py`",
            rules.ADJUSTED_SUSPICIONS | rules.ADJUSTMENT_SUSPICIONS,
        ),
    }
    parts = []
    for name, (of, told) in kinds.items():
        means = [f"| {rule} | {each.means} |" for rule, each in told.items()]
        parts += [
            f"## {name}",
            f"Flags of {of}. What has one is kept as it is, with the names in its `flags`.\n",
        ]
        parts += ["\n".join(["| flag | what it says |", "| --- | --- |", *means]) + "\n"]
    return parts


def commands() -> str:
    """Every command with its options."""
    from tapehouse.cli import COMMANDS, build_parser

    parser, found = build_parser(options_of=list(COMMANDS))
    parts = ["# Commands", WRITTEN_BY.format("tapehouse/cli.py"), f"{parser.epilog}\n"]
    for name, command in found.items():
        rows = [
            _option(action) for action in command._actions if not isinstance(action, argparse._HelpAction)
        ]
        parts += [f"## tapehouse {name}", f"{command.description}\n"]
        parts += ["\n".join(["| option | meaning |", "| --- | --- |", *rows]) + "\n"]
    return "\n".join(parts)


def metrics() -> str:
    """Every metric of `tapehouse metrics`, by the part that is looked at."""
    from tapehouse.measuring.catalogue import OF_LOOKS, PAGE, PARTS
    from tapehouse.measuring.lake import NEWEST_BY

    parts = ["# Metrics", WRITTEN_BY.format("tapehouse/measuring/catalogue.py")]
    parts += [
        "What `tapehouse metrics` shows; [monitoring.md](monitoring.md) says how to look. Times are Unix times in UTC, "
        "so that an age is `time() - x`. A part that could not be looked at is not shown.\n"
    ]
    for part, known in {**PARTS, "every part": OF_LOOKS, PAGE_SHOWS: PAGE}.items():
        rows = [f"| `{name}` | {m.kind} | {', '.join(m.labels)} | {m.says} |" for name, m in known.items()]
        head = ["| metric | kind | labels | what it says |", "| --- | --- | --- | --- |"]
        parts += [f"## {part}", "\n".join([*head, *rows]) + "\n"]
    rows = [f"| {table} | {column} |" for table, column in NEWEST_BY.items()]
    parts += [
        "## The newest of a table",
        "By which column a table is as new as it is; the others have none.\n",
    ]
    return "\n".join([*parts, "\n".join(["| table | column |", "| --- | --- |", *rows]) + "\n"])


def _option(action: argparse.Action) -> str:
    values = "|".join(map(str, action.choices)) if action.choices else action.metavar or action.dest.upper()
    name = ", ".join(action.option_strings) or action.dest
    shown = name if not action.option_strings or action.nargs == 0 else f"{name} {values}"
    meaning = (action.help or "") % vars(action)
    return "| `{}` | {} |".format(*[text.replace("|", "\\|") for text in (shown, meaning)])


PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "tables.md": tables,
    ROOT / "docs" / "rules.md": rules,
    ROOT / "docs" / "commands.md": commands,
    ROOT / "docs" / "metrics.md": metrics,
}

if __name__ == "__main__":
    sys.exit(main())
