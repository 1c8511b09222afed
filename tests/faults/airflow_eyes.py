"""What is seen of Airflow from outside: where it listens, its logs, fields, XComs and command lines."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.faults.services import tree
from tests.secret_search import OF_THIS_RUN, SAID, in_files, look_at_command_lines, look_at_text

# what is looked for in a text is as long as a generated secret
SHORTEST = 16
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
LISTENS = "0A"


def know_secrets(secrets: dict[str, str], *more: str) -> None:
    """What must not be seen from here on."""
    OF_THIS_RUN.update(value for value in (*secrets.values(), *more) if len(value) >= SHORTEST)


def nothing_is_seen(api: Any, dag: str, run_id: str, home: Path, logs: list[Path]) -> None:
    """No secret in the fields that the UI shows, in an XCom, in a log, in a command line that was seen."""
    for task in api.tasks(dag, run_id):
        path = f"/dags/{dag}/dagRuns/{run_id.replace('+', '%2B')}/taskInstances/{task.name}"
        look_at_text(str(api.ask("GET", path)), of=f"the fields of {task.name}")
        look_at_text(str(api.ask("GET", f"{path}/xcomEntries")), of=f"an XCom of {task.name}")
        for entry in api.ask("GET", f"{path}/xcomEntries")["xcom_entries"]:
            look_at_text(str(api.ask("GET", f"{path}/xcomEntries/{entry['key']}")), of=f"XCom {entry['key']}")
    found = [*SAID, *in_files(home / "logs")]
    found += [str(log) for log in logs if any(secret in log.read_text() for secret in OF_THIS_RUN)]
    assert not found, f"a secret is seen in {found}"


def look_at_processes() -> None:
    """Called while tasks work."""
    look_at_command_lines()
    assert not SAID, f"a secret is seen in {SAID}"


def others_can_not_come_in(pids: list[int]) -> None:
    """Whatever they and their children listen on is a loopback address."""
    sockets = {inode for pid in pids for each in tree(pid) for inode in _sockets(each)}
    listening = [(address, port) for address, port, inode in _listening() if inode in sockets]
    assert listening, "nothing listens at all"
    open_to_all = [each for each in listening if each[0] not in LOOPBACK]
    assert not open_to_all, f"open to others: {open_to_all}"


def _sockets(pid: int) -> list[str]:
    links = list[str]()
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # this one was closed meanwhile, the others count
                links.append(os.readlink(file))
    return [link[8:-1] for link in links if link.startswith("socket:[")]


def _listening() -> list[tuple[str, int, str]]:
    """Address in the kernel's hex, port, and inode."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16), fields[9]))
    return found
