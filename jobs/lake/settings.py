"""Settings: one frozen object, read once in `main`, from the environment, `.env` and `*_FILE`.

Vendors' own names stay as they are (AWS_*, PG*); ours begin with TAPEHOUSE_. `tapehouse env` prints them for the
services that are up.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.lake.errors import SettingsError
from jobs.lake.kafka_address import KafkaAddress

ROOT = Path(__file__).resolve().parents[2]
NO_TEXT_IS_NONE = BeforeValidator(lambda value: value or None)


class Settings(BaseSettings):
    """What a program needs to know of the place it runs in."""

    # what stands there without a value sets nothing
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_ignore_empty=True, populate_by_name=True
    )

    kafka_bootstrap: str = Field(alias="TAPEHOUSE_KAFKA_BOOTSTRAP")
    kafka_user: str | None = Field(None, alias="TAPEHOUSE_KAFKA_USER")
    kafka_password: SecretStr | None = Field(None, alias="TAPEHOUSE_KAFKA_PASSWORD")
    kafka_tls_ca: Annotated[FilePath | None, NO_TEXT_IS_NONE] = Field(None, alias="TAPEHOUSE_KAFKA_TLS_CA")
    topic: str = Field("quotes.v1", alias="TAPEHOUSE_TOPIC")
    s3_endpoint: str = Field(alias="AWS_ENDPOINT_URL")
    s3_region: str = Field("us-east-1", alias="AWS_REGION")
    s3_access_key: SecretStr = Field(alias="AWS_ACCESS_KEY_ID")
    s3_secret_key: SecretStr = Field(alias="AWS_SECRET_ACCESS_KEY")
    raw_url: str = Field("s3://raw", alias="TAPEHOUSE_RAW_URL")
    realtime_url: str = Field("s3://realtime", alias="TAPEHOUSE_REALTIME_URL")
    processed_url: str = Field("s3://processed", alias="TAPEHOUSE_PROCESSED_URL")
    ledger_host: str = Field(alias="PGHOST")
    ledger_port: int = Field(5432, alias="PGPORT")
    ledger_database: str = Field("tapehouse", alias="PGDATABASE")
    ledger_user: str = Field(alias="PGUSER")
    ledger_password: SecretStr = Field(alias="PGPASSWORD")
    checkpoints: Path = Field(alias="TAPEHOUSE_CHECKPOINTS")
    instruments: Path = Field(ROOT / "conf" / "instruments.yaml", alias="TAPEHOUSE_INSTRUMENTS")
    yahoo_stream_url: str | None = Field(None, alias="TAPEHOUSE_YAHOO_STREAM_URL")
    yahoo_url: str | None = Field(None, alias="TAPEHOUSE_YAHOO_URL")
    alpha_vantage_url: str | None = Field(None, alias="TAPEHOUSE_ALPHA_VANTAGE_URL")
    alpha_vantage_key: SecretStr | None = Field(None, alias="ALPHAVANTAGE_API_KEY")
    budgets: Path = Field(ROOT / "conf" / "budgets.yaml", alias="TAPEHOUSE_BUDGETS")
    stream_owner: Literal["airflow", "service"] = Field("service", alias="TAPEHOUSE_STREAM_OWNER")
    lateness_minutes: int = Field(10, alias="TAPEHOUSE_LATENESS_MINUTES", ge=0)
    lease_patience: float = Field(900, alias="TAPEHOUSE_LEASE_PATIENCE_SECONDS", ge=0)

    warehouse: Literal["duckdb", "snowflake"] = Field("duckdb", alias="WAREHOUSE")
    warehouse_folder: Path = Field(ROOT / ".tapehouse" / "warehouse", alias="TAPEHOUSE_WAREHOUSE_FOLDER")
    snowflake_account: str | None = Field(None, alias="SNOWFLAKE_ACCOUNT")
    snowflake_user: str | None = Field(None, alias="SNOWFLAKE_USER")
    snowflake_private_key_file: Path | None = Field(None, alias="SNOWFLAKE_PRIVATE_KEY_FILE")
    snowflake_private_key_passphrase: SecretStr | None = Field(None, alias="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE")
    snowflake_role: str = Field("TAPEHOUSE_LOADER", alias="SNOWFLAKE_ROLE")
    snowflake_warehouse: str = Field("TAPEHOUSE_LOAD", alias="SNOWFLAKE_WAREHOUSE")
    snowflake_database: str = Field("TAPEHOUSE", alias="SNOWFLAKE_DATABASE")
    snowflake_schema: str = Field("GOLD", alias="SNOWFLAKE_SCHEMA")
    snowflake_host: str | None = Field(None, alias="SNOWFLAKE_HOST")
    snowflake_port: int | None = Field(None, alias="SNOWFLAKE_PORT")
    snowflake_protocol: Literal["http", "https"] | None = Field(None, alias="SNOWFLAKE_PROTOCOL")

    @property
    def kafka(self) -> KafkaAddress:
        return KafkaAddress(self.kafka_bootstrap, self.kafka_user, self.kafka_password, self.kafka_tls_ca)

    def storage_options(self) -> dict[str, str]:
        """How readers without Spark reach the S3 store."""
        return {
            "AWS_ENDPOINT_URL": self.s3_endpoint,
            "AWS_REGION": self.s3_region,
            "AWS_ACCESS_KEY_ID": self.s3_access_key.get_secret_value(),
            "AWS_SECRET_ACCESS_KEY": self.s3_secret_key.get_secret_value(),
            "AWS_ALLOW_HTTP": str(self.s3_endpoint.startswith("http://")).lower(),
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
        }


NAMES = [field.alias for field in Settings.model_fields.values() if field.alias]


def read_settings() -> Settings:
    """Read the settings, or name every one that is missing or wrong at once."""
    try:
        settings = Settings(**values_of_files(NAMES))  # type: ignore[arg-type]
    except ValidationError as error:
        names = ", ".join(f"{'.'.join(map(str, e['loc']))} ({e['msg'].lower()})" for e in error.errors())
        raise SettingsError(
            f"settings are missing or wrong: {names}",
            found="looked in: environment, .env, *_FILE",
            remedy='start the local services with `make up`, then: eval "$(.venv/bin/tapehouse env)"',
        ) from None
    if bool(settings.kafka_user) != bool(settings.kafka_password):
        raise SettingsError(
            "TAPEHOUSE_KAFKA_USER and TAPEHOUSE_KAFKA_PASSWORD are set both or not at all",
            found="a user without a password" if settings.kafka_user else "a password without a user",
            remedy="set the other one; neither where Kafka has no users, as that of `make up`",
        )
    return settings


def values_of_files(names: Iterable[str]) -> dict[str, str]:
    """`NAME_FILE` names a file that holds the value of NAME, as Compose and Kubernetes mount secrets."""
    paths = {name: path for name in names if (path := os.environ.get(f"{name}_FILE"))}
    found = {}
    for name, path in paths.items():
        try:
            content = Path(path).read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"{name}_FILE names a file that cannot be read",
                found=f"{path}: {error.strerror}",
                remedy=f"correct the path, or set {name}",
            ) from None
        if content:
            found[name] = content
    return found


def is_named(setting: str) -> bool:
    """Whether a setting has a value in the environment, in a file that it names, or in `.env`."""
    from dotenv import dotenv_values

    told = {**dotenv_values(".env"), **{name: value for name, value in os.environ.items() if value}}
    return bool(told.get(setting) or told.get(f"{setting}_FILE"))
