"""The ports and secrets of an instance, made when they are first asked for and kept in its record."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from tapehouse.services.environment import find_programs
from tapehouse.services.ports import find_ports
from tapehouse.services.record import Record
from tapehouse.services.service import Place


def find_place(folder: Path, record: Record, *, ports: Iterable[str], secret_names: Iterable[str]) -> Place:
    """The place in `folder`, with all of its ports and secrets, those of these names among them."""
    known = {"ports": {}, "secrets": {}, "processes": {}} | record.read()
    missing = [name for name in ports if name not in known["ports"]]
    made = {name: secrets.token_hex(20) for name in secret_names if name not in known["secrets"]}
    if missing or made:
        folder.mkdir(parents=True, exist_ok=True)
        known["ports"] |= find_ports(missing)
        known["secrets"] |= made
        record.write(known)
    programs = find_programs()
    return Place(
        folder, known["ports"], known["secrets"], Path(programs["java_home"]), Path(programs["postgres_bin"])
    )


def find_other_ports(record: Record) -> None:
    """Give each of the ports another number."""
    known = record.read()
    record.write(known | {"ports": find_ports(list(known.get("ports", {})))})
