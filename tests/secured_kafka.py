"""A broker that asks who one is, started by docker/kafka/start.sh as its image does."""

import secrets
from pathlib import Path

from pydantic import SecretStr

from jobs.lake.errors import ServiceError
from jobs.lake.kafka import PATIENCE
from jobs.lake.kafka_address import KafkaAddress
from tapehouse.paths import JARS, ROOT
from tapehouse.provisioning.kafka import ADMIN, PASSWORDS, provision_kafka
from tapehouse.services.environment import find_programs
from tapehouse.services.ports import find_ports, is_free
from tests.processes import Program
from tests.secret_search import OF_THIS_RUN, look_at_command_lines

STARTS_WITHIN = 120.0
TOPIC = "quotes.v1"


class SecuredKafka:
    """One node on loopback. Its passwords are of this run alone."""

    def __init__(self, folder: Path, *, tls: Path | None = None) -> None:
        """`tls` is the folder that make_ca.sh filled for it."""
        self.folder, self.passwords = folder, {user: new_password() for user in PASSWORDS}
        self.own = {user: new_password() for user in (ADMIN, "broker")}
        ports = find_ports(["clients", "controllers"])
        self.bootstrap, self.tls_ca = f"127.0.0.1:{ports['clients']}", tls / "ca.pem" if tls else None
        environment = {
            "JAVA_HOME": find_programs()["java_home"],
            "KAFKA_JARS": str(JARS / "kafka"),
            "KAFKA_NODE_ID": "1",
            "KAFKA_DATA": str(folder / "data"),
            "KAFKA_LISTEN": "127.0.0.1",
            "KAFKA_PORT": str(ports["clients"]),
            "KAFKA_CONTROLLER_PORT": str(ports["controllers"]),
            "KAFKA_ADVERTISED": self.bootstrap,
            "KAFKA_VOTERS": f"1@127.0.0.1:{ports['controllers']}",
            "KAFKA_ADMIN_PASSWORD": self.own[ADMIN],
            "KAFKA_BROKER_PASSWORD": self.own["broker"],
            "KAFKA_TLS_FOLDER": str(tls or ""),
        }
        command = [ROOT / "docker" / "kafka" / "start.sh"]
        self.program = Program(command, log=folder / "kafka.log", environment=environment)

    def user(self, name: str, password: str | None = None) -> KafkaAddress:
        """The address as this user has it, with another password than its own if one is given."""
        known = self.passwords | self.own
        return KafkaAddress(self.bootstrap, name, SecretStr(password or known[name]), self.tls_ca)

    def provision(self) -> list[str]:
        told = {user: SecretStr(password) for user, password in self.passwords.items()}
        return provision_kafka(self.user(ADMIN), passwords=told, topic=TOPIC)

    def wait_until_ready(self) -> None:
        self.program.wait_for(self._lets_admin_in, what="letting admin in", seconds=STARTS_WITHIN)

    def stop(self) -> None:
        self.program.kill()

    def _lets_admin_in(self) -> bool:
        from kafka import KafkaAdminClient

        look_at_command_lines()  # while the storage is formatted too
        if is_free(int(self.bootstrap.split(":")[1])):
            return False
        admin = self.user(ADMIN)
        try:
            with admin.connecting():
                KafkaAdminClient(**admin.client_options(), **PATIENCE).close()
        except ServiceError:
            return False
        return True


def new_password() -> str:
    """One that is looked for in all files, command lines and outputs of the run."""
    password = secrets.token_urlsafe(18)
    OF_THIS_RUN.add(password)
    return password
