"""The programs that set-up found, and the environment in which ours work with an instance."""

import importlib.util
import json
import os

from jobs.lake.errors import ServiceError
from tapehouse.paths import JARS, ROOT, SETUP_RECORD, VENV
from tapehouse.services.kafka import bootstrap, topic
from tapehouse.services.postgres import DATABASE, OWNER
from tapehouse.services.service import Place
from tapehouse.services.store import endpoint


def find_programs() -> dict[str, str]:
    """`java_home` and `postgres_bin`."""
    if not SETUP_RECORD.exists():
        raise ServiceError(
            "this checkout is not set up", found=f"no {SETUP_RECORD}", remedy="run `make setup`"
        )
    return dict(json.loads(SETUP_RECORD.read_text()))


def environment_of(place: Place) -> dict[str, str]:
    """Where Java, Spark, Python and the services are, and who one is to them."""
    python = str(VENV / "bin" / "python")
    told = {
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "JAVA_HOME": str(place.java_home),
        # another Spark of this machine is not ours
        "SPARK_HOME": _folder_of("pyspark"),
        "SPARK_CONF_DIR": str(ROOT / "conf"),
        "SPARK_DIST_CLASSPATH": f"{JARS / 'spark'}/*",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "TAPEHOUSE_KAFKA_BOOTSTRAP": bootstrap(place),
        # it has no users, whatever the environment says of another one
        "TAPEHOUSE_KAFKA_USER": "",
        "TAPEHOUSE_KAFKA_PASSWORD": "",
        "TAPEHOUSE_KAFKA_TLS_CA": "",
        "TAPEHOUSE_TOPIC": topic(),
        "TAPEHOUSE_CHECKPOINTS": str(place.folder / "checkpoints"),
        "TAPEHOUSE_WAREHOUSE_FOLDER": str(place.folder / "warehouse"),
        "AWS_ENDPOINT_URL": endpoint(place),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": place.secrets["s3_pipeline_access_key"],
        "AWS_SECRET_ACCESS_KEY": place.secrets["s3_pipeline_secret_key"],
        "PGHOST": "127.0.0.1",
        "PGPORT": str(place.ports["postgres"]),
        "PGDATABASE": DATABASE,
        "PGUSER": OWNER,
        "PGPASSWORD": place.secrets["ledger_password"],
    }
    if "spark_master" not in place.ports:
        return told
    # the settings of one machine, and those of a cluster after them
    return told | {"SPARK_CONF_DIR": str(place.folder / "conf")}


def master_of(place: Place) -> str:
    """The address of the place's Spark master."""
    return f"spark://127.0.0.1:{place.ports['spark_master']}"


def _folder_of(package: str) -> str:
    """Where a package lies, without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ServiceError(f"{package} is not installed", remedy="run `make setup`")
    return str(found.submodule_search_locations[0])
