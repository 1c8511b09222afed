"""The checks of `tapehouse doctor`: of the machine, of the services that are up or named, of the way to the vendors.

No vendor is asked anything that would count as a call: a connection is opened and closed.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.services.instance import Instance

REACHED_WITHIN, ANSWERS_WITHIN = 5.0, 10.0  # seconds
LEAST_JAVA = 17
# S3 refuses requests that are signed a quarter of an hour off; finality goes by the clock to ten minutes
CLOCK_OFF, CLOCK_WRONG = 5.0, 60.0


@dataclass(frozen=True)
class Check:
    """One line: `state` is ok, warning or failed."""

    name: str
    state: str
    found: str
    remedy: str = ""


def examine() -> list[Check]:
    """Every check that can be made here; what a failed one hides is left out."""
    from jobs.lake.errors import TapehouseError
    from jobs.lake.settings import is_named, read_settings
    from tapehouse.context import NAMED_BY
    from tapehouse.services.instance import find_running

    checks = [_java(), _disk()]
    instance = None if is_named(NAMED_BY) else find_running()
    if instance is not None:
        checks += list(_services(instance))
        os.environ.update(instance.environment())
    try:
        settings = read_settings()
    except TapehouseError as error:
        if instance is None and not is_named(NAMED_BY):
            checks.append(Check("services", "warning", "none are up, and none are named", "run `make up`"))
        else:
            checks.append(Check("settings", "failed", f"{error.what}: {error.found}", error.remedy))
        return checks + _vendors(None)
    for name, look in (("Kafka", _kafka), ("S3 store", _store), ("PostgreSQL", _postgres)):
        checks.append(_checked(name, look, settings))
    checks.append(_checked("conf/instruments.yaml", _instruments, settings))
    checks.append(_checked("conf/budgets.yaml", _budgets, settings))
    return checks + _vendors(settings)


def _checked(name: str, look: "Callable[[Settings], Check]", settings: "Settings") -> Check:
    """What `look` finds; an error is a failed check, in its own words."""
    try:
        return look(settings)
    except Exception as error:  # ruff: ignore[blind-except] - whatever a client raises is what was found
        what = getattr(error, "found", "") or f"{type(error).__name__}: {error}"
        remedy = getattr(error, "remedy", "") or "see `tapehouse ps` and `tapehouse logs`"
        return Check(name, "failed", " ".join(str(what).split())[:160], remedy)


def _java() -> Check:
    from jobs.lake.errors import ServiceError
    from tapehouse.services.environment import find_programs

    try:
        home = find_programs()["java_home"]
    except ServiceError as error:
        return Check("set-up", "failed", error.found, error.remedy)
    said = subprocess.run(
        [f"{home}/bin/java", "-version"], capture_output=True, text=True, check=False, timeout=ANSWERS_WITHIN
    ).stderr
    version = said.split('"')[1] if '"' in said else "unknown"
    major = version.split(".")[0]
    if not major.isdigit() or int(major) < LEAST_JAVA:
        return Check(
            "Java", "failed", f"{version} in {home}", f"install Java {LEAST_JAVA}, then `make setup`"
        )
    return Check("Java", "ok", f"{version} in {home}")


def _disk() -> Check:
    from tapehouse.paths import STATE
    from tapehouse.services.disk import LEAST, room_under

    existing, free = room_under(STATE)
    found = f"{free / 1024**3:.1f} GiB free under {existing}"
    if free < LEAST:
        return Check("disk", "failed", found, "make room, for example with `make clean`")
    return Check("disk", "ok", found)


def _services(instance: "Instance") -> Iterator[Check]:
    for service in instance.services():
        if service.state == "running":
            yield Check(f"service {service.name}", "ok", f"pid {service.pid}, port {service.port}")
        else:
            yield Check(f"service {service.name}", "failed", service.state, f"read {service.log}; `make up`")


def _kafka(settings: "Settings") -> Check:
    from jobs.lake.kafka import describe_topic

    topic = describe_topic(settings.kafka, settings.topic)
    return Check(
        "Kafka", "ok", f"{settings.kafka_bootstrap}, {topic.name}: {len(topic.partitions)} partitions"
    )


def _store(settings: "Settings") -> Check:
    """Each bucket, with the credentials that the pipeline has, and the store's clock."""
    from tapehouse.vendors import s3_client

    client, places = s3_client(settings), (settings.raw_url, settings.realtime_url, settings.processed_url)
    stamps = []
    for place in places:
        bucket = urlsplit(place).netloc
        answer = client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        stamps.append(answer["ResponseMetadata"]["HTTPHeaders"].get("date"))
    found = f"{settings.s3_endpoint}: {len(places)} buckets may be listed"
    moment = next((stamp for stamp in stamps if stamp), None)
    if moment is None:
        return Check("S3 store", "ok", found)
    there = datetime.strptime(moment, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC)
    return _with_clock("S3 store", found, (datetime.now(UTC) - there).total_seconds())


def _postgres(settings: "Settings") -> Check:
    from jobs.lake.postgres import Connection

    with closing(Connection(settings, read_only=True)) as connection:
        ((there,),) = connection.execute("SELECT clock_timestamp()")
    offset = (datetime.now(UTC) - there).total_seconds()
    return _with_clock("PostgreSQL", f"{settings.ledger_host}:{settings.ledger_port}", offset)


def _with_clock(name: str, found: str, offset: float) -> Check:
    state = "ok" if abs(offset) < CLOCK_OFF else "warning" if abs(offset) < CLOCK_WRONG else "failed"
    remedy = "" if state == "ok" else "let both machines keep time by NTP"
    return Check(name, state, f"{found}; clocks {abs(offset):.1f} s apart", remedy)


def _instruments(settings: "Settings") -> Check:
    from jobs.lake.instruments import read_instruments

    read = read_instruments(settings.instruments)
    number = len({listing.instrument_id for listing in read.listings})
    return Check("conf/instruments.yaml", "ok", f"{number} instruments in {settings.instruments}")


def _budgets(settings: "Settings") -> Check:
    from jobs.lake.budget_plans import read_plans

    plans = read_plans(settings.budgets).values()
    return Check(
        "conf/budgets.yaml", "ok", ", ".join(f"{plan.source} {plan.total:,} a day" for plan in plans)
    )


def _vendors(settings: "Settings | None") -> list[Check]:
    from producers import alpha_vantage, yahoo_stream

    key = settings.alpha_vantage_key if settings else os.environ.get("ALPHAVANTAGE_API_KEY")
    credential = (
        Check("ALPHAVANTAGE_API_KEY", "ok", "set")
        if key
        else Check("ALPHAVANTAGE_API_KEY", "warning", "not set", "without it only Yahoo is asked")
    )
    own: tuple[str | None, ...] = (None, None, None)
    if settings:
        own = (settings.yahoo_stream_url, settings.yahoo_url, settings.alpha_vantage_url)
    usual = (yahoo_stream.URL, "https://query2.finance.yahoo.com", alpha_vantage.URL)
    names = ("Yahoo's stream", "Yahoo's history", "Alpha Vantage")
    return [credential, *(_reach(name, a or b) for name, a, b in zip(names, own, usual, strict=True))]


def _reach(name: str, url: str) -> Check:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "ws": 80}.get(parts.scheme, 443)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=REACHED_WITHIN):
            return Check(name, "ok", f"{parts.hostname}:{port} takes connections")
    except OSError as error:
        remedy = "look at the network, a proxy or a firewall; recorded and generated tapes need none"
        return Check(name, "warning", f"{parts.hostname}:{port}: {error}"[:160], remedy)
