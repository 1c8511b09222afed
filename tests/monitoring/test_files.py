"""Rules, dashboards and the runbook fit one another, the exporter, and the programs that read them."""

import json
import re
from itertools import combinations

import pytest
import yaml

from tapehouse.measuring.catalogue import METRICS
from tests.monitoring.files import (
    ALERTMANAGER,
    DASHBOARDS,
    GRAFANA,
    PAGE,
    PROMETHEUS,
    alerts,
    names,
    panels,
    program,
    queries,
    said,
)

KNOWN = {*METRICS, "up"}
TESTS = [yaml.safe_load(file.read_text()) for file in sorted((PROMETHEUS / "rules_test").glob("*.yml"))]


def test_prometheus_takes_the_configuration_and_its_rules() -> None:
    assert "2 rule files found" in said(program("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")


def test_every_rule_fires_and_does_not_as_its_tests_say() -> None:
    said(program("promtool"), "test", "rules", *sorted((PROMETHEUS / "rules_test").glob("*.yml")))


def test_of_every_alert_it_is_tested_that_it_fires_and_that_it_does_not() -> None:
    checks = [check for file in TESTS for test in file["tests"] for check in test["alert_rule_test"]]
    fires = {check["alertname"] for check in checks if check.get("exp_alerts")}
    does_not = {check["alertname"] for check in checks if not check.get("exp_alerts")}
    named = {rule["alert"] for rule in alerts()}
    assert fires == named
    assert does_not == named


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_what_it_means_and_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    name = str(rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{name.lower()}"
    assert names(str(rule["expr"])) <= KNOWN


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    sections = re.findall(r"^### (\w+)$", PAGE.read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(rule["alert"] for rule in alerts())


@pytest.mark.parametrize(("panel", "query"), queries(), ids=lambda value: value[:60])
def test_a_panel_asks_for_what_the_exporter_shows(panel: str, query: str) -> None:
    assert names(query), panel
    assert names(query) <= KNOWN, panel


def test_every_panel_is_told_and_stands_by_itself() -> None:
    for uid, panel in panels():
        assert panel["title"], uid
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "tapehouse-prometheus", panel["title"]
    for file in DASHBOARDS:
        found = json.loads(file.read_text())["panels"]
        assert len({panel["id"] for panel in found}) == len(found)
        for one, other in combinations([panel["gridPos"] for panel in found], 2):
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert beside or below, (file.name, one, other)


def test_grafana_is_given_the_source_and_the_folder_that_the_dashboards_need() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())
    assert [source["uid"] for source in sources["datasources"]] == ["tapehouse-prometheus"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "tapehouse.yml").read_text())[
        "providers"
    ]
    assert provider["allowUiUpdates"] is False
    uids = [json.loads(file.read_text())["uid"] for file in DASHBOARDS]
    assert uids == ["tapehouse-operations", "tapehouse-pipeline"]


def test_alertmanager_takes_the_configuration() -> None:
    assert "1 receivers" in said(program("amtool"), "check-config", ALERTMANAGER / "alertmanager.yml")
