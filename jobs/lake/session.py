"""The one place that builds a Spark session. Everything else that is set stands in conf/spark-defaults.conf."""

from typing import TYPE_CHECKING

from jobs.lake.jvm import remember_classes
from jobs.lake.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def build_session(app_name: str, settings: Settings) -> "SparkSession":
    """The session of this program; SPARK_CONF_DIR names the folder of its settings.

    The S3 store is told to Hadoop here, which neither logs nor shows it: settings may come from `.env` or files,
    which the JVM does not read.
    """
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName(app_name).getOrCreate()
    store = {
        "endpoint": settings.s3_endpoint,
        "endpoint.region": settings.s3_region,
        "access.key": settings.s3_access_key.get_secret_value(),
        "secret.key": settings.s3_secret_key.get_secret_value(),
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    }
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    for name, value in store.items():
        hadoop.set(f"fs.s3a.{name}", value)
    remember_classes(spark)
    return spark
