"""The vendors as this checkout asks them: symbols in their spelling, budgets, clients, and the raw bucket."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.lake.budget import Budget
    from jobs.lake.instruments import Listing
    from jobs.lake.settings import Settings
    from producers.alpha_vantage import AlphaVantage
    from producers.history import Vendor
    from producers.raw_store import RawStore


def instruments_file() -> Path:
    """The file that is used, services or not."""
    from jobs.lake.settings import Settings

    return Path(os.environ.get("TAPEHOUSE_INSTRUMENTS") or Settings.model_fields["instruments"].default)


def find_listings(symbols: list[str], source: str, settings: "Settings") -> "list[Listing]":
    from jobs.lake.instruments import read_instruments
    from tapehouse.symbols import spell

    known = read_instruments(settings.instruments).listings
    return spell(symbols, known, vendor=source, day=datetime.now(UTC).date())


def open_budget(source: str, settings: "Settings", **how: Any) -> "Budget":
    """The budget; `how` are its clock and its sleep, the machine's by default."""
    from jobs.lake.budget import Budget
    from jobs.lake.budget_plans import read_plans
    from jobs.lake.errors import SettingsError

    plans = read_plans(settings.budgets)
    if source not in plans:
        raise SettingsError(
            f"{source} has no budget", found=", ".join(plans), remedy=f"add it to {settings.budgets}"
        )
    return Budget(settings, plans[source], **how)


def open_vendor(source: str, settings: "Settings", budget: "Budget", *, purpose: str) -> "Vendor":
    from producers.history import AlphaVantageHistory, Yahoo
    from tapehouse.paths import STATE

    def take() -> None:
        budget.take(purpose)

    def clock() -> datetime:
        return datetime.now(UTC)

    if source == "yahoo":
        from producers.yahoo_history import YahooHistory

        client = YahooHistory(take=take, cache=STATE / "yfinance", base=settings.yahoo_url)
        return Yahoo(client, clock=clock)
    return AlphaVantageHistory(open_alpha_vantage(settings, take), clock=clock)


def open_alpha_vantage(settings: "Settings", take: "Callable[[], None]") -> "AlphaVantage":
    """The vendor's client; `take` is called before each call that goes out."""
    from jobs.lake.errors import SettingsError
    from producers.alpha_vantage import URL, AlphaVantage

    if settings.alpha_vantage_key is None:
        raise SettingsError(
            "Alpha Vantage needs a key",
            found="no ALPHAVANTAGE_API_KEY",
            remedy="get one from the vendor, and put it into .env, or its path into ALPHAVANTAGE_API_KEY_FILE",
        )
    key, url = settings.alpha_vantage_key.get_secret_value(), settings.alpha_vantage_url or URL
    return AlphaVantage(key, take=take, url=url)


def open_raw_store(settings: "Settings") -> "RawStore":
    from producers.raw_store import RawStore

    return RawStore(s3_client(settings), settings.raw_url)


def s3_client(settings: "Settings") -> Any:
    """An S3 client with the credentials of the settings."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
        config=Config(
            s3={"addressing_style": "path"}, signature_version="s3v4", retries={"total_max_attempts": 5}
        ),
    )
