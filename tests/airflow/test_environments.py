"""Two environments that must not mix: pyspark and pyspark-client write the same files."""

import importlib.metadata
import json
import re
import subprocess

from conftest import ROOT

LIST = (
    "import importlib.metadata as m, json; print(json.dumps([d.metadata['Name'] for d in m.distributions()]))"
)


def normal(names: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def test_airflow_has_the_client_of_its_provider_and_no_spark() -> None:
    here = normal([found.metadata["Name"] for found in importlib.metadata.distributions()])
    assert {"apache-airflow", "pyspark-client"} <= here
    assert "pyspark" not in here


def test_the_product_has_spark_and_nothing_of_airflow() -> None:
    python = ROOT / ".venv" / "bin" / "python"
    there = normal(json.loads(subprocess.run([python, "-c", LIST], capture_output=True, check=True).stdout))
    assert "pyspark" in there
    assert not {"pyspark-client", "apache-airflow", "apache-airflow-core"} & there
