"""The one place that builds a Spark session. Everything else that is set stands in conf/spark-defaults.conf."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def build_session(app_name: str) -> "SparkSession":
    """The session of this program; SPARK_CONF_DIR names the folder of its settings."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.appName(app_name).getOrCreate()
