"""Instruments and sessions are looked at again between batches: a driver runs for weeks."""

import os
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.settings import ROOT
from tests.stack import Stack

KNOWN = (ROOT / "conf" / "instruments.yaml").read_text()
SHOP = """
  - instrument_id: ca-shopify
    listings:
      - {symbol: SHOP, mic: XNYS, currency: USD, from: 2015-05-21, vendor_symbols: {yahoo: SHOP}}
"""


@pytest.fixture
def file(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert stack.topic
    file = tmp_path / "instruments.yaml"
    file.write_text(KNOWN)
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(file))
    return file


def change(file: Path, text: str) -> None:
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 1, before + 1))


def symbols(listings: DataFrame) -> set[str]:
    return {row.listed_symbol for row in listings.where("vendor = 'yahoo'").collect()}


def test_a_file_that_changed_is_read_again(spark: SparkSession, stack: Stack, file: Path) -> None:
    configuration = Configuration(spark, stack.settings, read_facts(stack.settings))
    assert "SHOP" not in symbols(configuration.listings)
    change(file, KNOWN.replace("instruments:\n", f"instruments:{SHOP}", 1))
    configuration.refresh()
    assert {"SHOP", "AAPL"} <= symbols(configuration.listings)


def test_a_file_that_is_wrong_changes_nothing_and_is_said(
    spark: SparkSession, stack: Stack, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration = Configuration(spark, stack.settings, read_facts(stack.settings))
    before = symbols(configuration.listings)
    change(file, "version: 1\ninstruments: [{}]")
    configuration.refresh()
    assert symbols(configuration.listings) == before
    assert "has no instrument_id" in capsys.readouterr().out
    file.unlink()
    configuration.refresh()
    assert symbols(configuration.listings) == before
    assert "cannot be read" in capsys.readouterr().out


def test_a_new_day_brings_its_session(spark: SparkSession, stack: Stack) -> None:
    facts = read_facts(stack.settings)
    newest = max(session.session for session in facts.sessions)
    old = [session for session in facts.sessions if session.session < newest]
    yesterday = facts._replace(sessions=old, read_at=(facts.read_at[0], date(2000, 1, 1)))
    configuration = Configuration(spark, stack.settings, yesterday)
    assert configuration.sessions.where(f"session = DATE '{newest}'").isEmpty()
    configuration.refresh()
    assert not configuration.sessions.where(f"session = DATE '{newest}'").isEmpty()
