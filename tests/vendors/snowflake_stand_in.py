"""The stand-in for Snowflake as a process, and the settings of a client of it, with a key pair of its own."""

import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from tapehouse.paths import VENV
from tapehouse.services.ports import find_ports
from tests.processes import Program

DATABASE = "TAPEHOUSE"


class StandIn:
    """A server that runs, and the key of its client."""

    def __init__(self, folder: Path, port: int, program: Program) -> None:
        self.port, self.program = port, program
        self.passphrase = secrets.token_hex(16)
        self.key_file = folder / "rsa_key.p8"
        self.key_file.touch(mode=0o600)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_file.write_bytes(_as_pem(key, BestAvailableEncryption(self.passphrase.encode())))
        # a line from the middle of the key as it is without the passphrase
        self.secrets = (self.passphrase, _as_pem(key, NoEncryption()).decode().splitlines()[12])

    def environment(self, schema: str, *, port: int | None = None) -> dict[str, str]:
        """What a program needs to load into a schema of its own."""
        return {
            "WAREHOUSE": "snowflake",
            "SNOWFLAKE_ACCOUNT": "stand_in",
            "SNOWFLAKE_USER": "TAPEHOUSE_SERVICE",
            "SNOWFLAKE_PRIVATE_KEY_FILE": str(self.key_file),
            "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": self.passphrase,
            "SNOWFLAKE_DATABASE": DATABASE,
            "SNOWFLAKE_SCHEMA": schema.upper(),
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(port or self.port),
            "SNOWFLAKE_PROTOCOL": "http",
        }


@contextmanager
def stand_in(folder: Path) -> Generator[StandIn, None, None]:
    """A server on a free port, its databases in the folder, for the length of a block."""
    folder.mkdir(parents=True, exist_ok=True)
    port = find_ports(["snowflake"])["snowflake"]
    command = [VENV / "bin" / "python", "-m", "tests.vendors.snowflake_server"]
    program = Program(
        [*command, "--port", str(port), "--folder", folder / "databases"],
        log=folder / "snowflake.log",
        environment={},
    )
    try:
        program.wait_for(lambda: _answers(port), what="the stand-in for Snowflake answers", seconds=60)
        yield StandIn(folder, port, program)
    finally:
        program.kill()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _as_pem(key: rsa.RSAPrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
