"""PostgreSQL as a private server: loopback TCP only, passwords by scram, its data in the instance's folder."""

import os
import shutil
import signal
import stat
from contextlib import closing
from pathlib import Path

from jobs.lake.errors import ServiceError
from tapehouse.paths import outside
from tapehouse.provisioning import postgres as provisioning
from tapehouse.provisioning.postgres import ADMINISTRATOR
from tapehouse.services import processes
from tapehouse.services.service import Place

DATABASE = OWNER = "tapehouse"
# who runs it where the command runs as root, which initdb refuses
UNPRIVILEGED = "nobody"


class Postgres:
    """The ledger's server."""

    name = "postgres"
    port_names = ("postgres",)
    patience = 10.0
    stop_signal = signal.SIGINT  # "fast": sessions are ended, nothing is lost

    def start(self, place: Place) -> processes.Started:
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        folder = data_folder(place)
        programs = _programs(place.postgres_bin, folder) if user else place.postgres_bin
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "LC_ALL": "C"}
        cluster = folder / "cluster"
        if not cluster.exists():
            self._initialise(place, folder, programs, environment, user)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": place.ports["postgres"],
            "unix_socket_directories": "",
            "max_connections": 120,
            "shared_buffers": "64MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return processes.start(
            [str(programs / "postgres"), "-D", str(cluster), *options],
            log=place.log(self.name),
            folder=folder,
            environment=environment,
            user=user,
        )

    def check(self, place: Place) -> None:
        _login(place).connect().close()

    def prepare(self, place: Place) -> None:
        make_database(place, DATABASE, OWNER, place.secrets["ledger_password"])

    @staticmethod
    def _initialise(
        place: Place, folder: Path, programs: Path, environment: dict[str, str], user: str | None
    ) -> None:
        password = folder / "password"
        password.touch(mode=0o600)
        password.write_text(place.secrets["postgres_password"])
        if user:
            shutil.chown(password, user)
        new = folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        command = [str(programs / "initdb"), "-D", str(new), "-U", ADMINISTRATOR, f"--pwfile={password}"]
        settled = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
        try:
            processes.run([*command, *settled], folder=folder, environment=environment, user=user)
        finally:
            password.unlink()
        # one rename: an interrupted initdb leaves no half of a cluster behind
        new.rename(folder / "cluster")


def make_database(place: Place, name: str, owner: str, password: str) -> None:
    """A database, owned by a role that is no superuser; nobody else comes in. What is there is kept."""
    with closing(_login(place).connect()) as connection:
        provisioning.make_database(connection, name, owner, password)


def data_folder(place: Place) -> Path:
    """The server's data: in the instance's folder, or where the user that runs it can come."""
    inside = place.folder / "postgres"
    if os.geteuid() != 0:
        inside.mkdir(parents=True, exist_ok=True)
        inside.chmod(0o700)
        return inside
    folder = inside if _is_open(place.folder.parent) else outside(place.folder)
    if folder != inside:
        _own(folder.parent)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, UNPRIVILEGED)
    folder.chmod(0o700)
    return folder


def _own(folder: Path) -> None:
    """Make a folder in a place where everybody writes; one that another user has put there is not taken."""
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        raise ServiceError(
            f"{folder} belongs to somebody else",
            found=f"owner {found.st_uid}, mode {stat.filemode(found.st_mode)}",
            remedy="remove it, or ask its owner to",
        )
    folder.chmod(0o755)


def _programs(programs: Path, folder: Path) -> Path:
    """The server's programs where the unprivileged user can run them."""
    if _is_open(programs.resolve()):
        return programs
    copied = folder.parent / "postgres-programs"
    if not (copied / "bin" / "postgres").exists():
        shutil.copytree(programs.parent, copied, dirs_exist_ok=True)
        copied.chmod(0o755)
    return copied / "bin"


def _is_open(folder: Path) -> bool:
    """Whether any user can come into this folder."""
    existing = next(part for part in (folder, *folder.parents) if part.exists())
    return all(part.stat().st_mode & stat.S_IXOTH for part in (existing, *existing.parents))


def _login(place: Place) -> provisioning.Login:
    return provisioning.Login("127.0.0.1", place.ports["postgres"], place.secrets["postgres_password"])
