"""Where Kafka is and as whom one speaks to it: the one place that makes options of clients of the settings."""

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jobs.lake.errors import ServiceError

MECHANISM = "SCRAM-SHA-512"
# of the consumer groups of Spark's source, which a broker with rules allows by it
GROUP_PREFIX = "tapehouse-stream"
# what kafka-python says in its log, and then raises a timeout
REASON = re.compile(r"Bootstrap (?:connection|attempt) to \S+ failed: (.*) \(backoff ", re.DOTALL)
# of a broker that is there and lets nobody in, the most telling first: it does not always come to say why it ends a
# connection before that is gone
ENDED = ("SaslAuthenticationFailed", "Handshake failed", "socket disconnected")
SETTINGS = "TAPEHOUSE_KAFKA_USER, TAPEHOUSE_KAFKA_PASSWORD and TAPEHOUSE_KAFKA_TLS_CA"


@dataclass(frozen=True)
class KafkaAddress:
    """A broker to begin with, a login if it wants one, and whom to trust where TLS is spoken."""

    bootstrap: str
    user: str | None = None
    password: SecretStr | None = None
    tls_ca: Path | None = None

    @property
    def protocol(self) -> str:
        return f"{'SASL_' if self.user else ''}{'SSL' if self.tls_ca else 'PLAINTEXT'}"

    def client_options(self) -> dict[str, Any]:
        """Those of kafka-python's clients."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
        }
        if self.user and self.password:
            options |= {
                "sasl_mechanism": MECHANISM,
                "sasl_plain_username": self.user,
                "sasl_plain_password": _Hidden(self.password.get_secret_value()),
            }
        return options | ({"ssl_cafile": str(self.tls_ca)} if self.tls_ca else {})

    def spark_options(self) -> dict[str, str]:
        """Those of Spark's source; the CA itself is among them, since executors have other disks."""
        options = {
            "kafka.bootstrap.servers": self.bootstrap,
            "kafka.security.protocol": self.protocol,
            "groupIdPrefix": GROUP_PREFIX,
        }
        if self.user and self.password:
            login = f"username={_quoted(self.user)} password={_quoted(self.password.get_secret_value())}"
            module = "org.apache.kafka.common.security.scram.ScramLoginModule"
            options |= {
                "kafka.sasl.mechanism": MECHANISM,
                "kafka.sasl.jaas.config": f"{module} required {login};",
            }
        if self.tls_ca:
            options |= {
                "kafka.ssl.truststore.type": "PEM",
                "kafka.ssl.truststore.certificates": self.tls_ca.read_text(),
            }
        return options

    @contextmanager
    def connecting(self) -> Generator[None, None, None]:
        """Around what makes a client: one that does not get in is an error that says why."""
        from kafka.errors import KafkaError

        with _reasons() as reasons:
            try:
                yield
            except KafkaError as error:
                raise self.no_answer(_most_telling(reasons) or str(error)) from error

    def no_answer(self, reason: str) -> ServiceError:
        if any(word in reason for word in ENDED):
            return ServiceError(
                f"Kafka at {self.bootstrap} ends each connection of "
                + (f"the user {self.user}" if self.user else "a client without a user"),
                found=f"{reason} ({self.protocol})",
                remedy=f"correct {SETTINGS} (docs/kafka.md), unless its own log says what it suffers from",
            )
        return ServiceError(
            f"Kafka at {self.bootstrap} does not answer",
            found=reason,
            remedy="start it (`make up`), or correct TAPEHOUSE_KAFKA_BOOTSTRAP",
        )


class _Hidden(str):
    """A password whose repr does not show it: clients log their options where somebody wants all of their log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _most_telling(reasons: list[str]) -> str:
    """Of those of several tries; the last one may only have had no time left."""
    ended = [reason for word in ENDED for reason in reasons if word in reason]
    return next(iter([*ended, *reversed(reasons)]), "")


def _quoted(text: str) -> str:
    """As a value of a JAAS configuration."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@contextmanager
def _reasons() -> Generator[list[str], None, None]:
    """Collect why connections of kafka-python fail meanwhile."""
    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if told := REASON.match(record.getMessage()):
                found.append(told[1])

    logger, listener = logging.getLogger("kafka.net.manager"), Listener(logging.WARNING)
    logger.addHandler(listener)
    try:
        yield found
    finally:
        logger.removeHandler(listener)
