"""Classes of the JVM, each asked for once.

py4j asks the JVM whenever a class is named, and once for each part of a dotted name; the JVM looks through every
archive of its class path before it can say that `org` is not a class. A batch names some hundred.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# what pyspark itself names whenever an expression or a frame is made, and the methods that it calls most
FUNCTIONS = ("col", "lit", "coalesce", "when", "struct", "min", "max", "sum", "broadcast")
PYSPARKS_OWN = {
    "functions": FUNCTIONS,
    "org.apache.spark.sql.functions": FUNCTIONS,
    "PythonUtils": ("toSeq", "toList"),
    "PythonSQLUtils": (),
    "org.apache.spark.sql.classic.SparkSession": (),
}


def java(spark: "SparkSession", name: str) -> Any:
    """The class of that full name."""
    jvm: Any = spark._jvm
    if name not in vars(jvm):
        # py4j looks among an object's own attributes before it asks
        setattr(jvm, name, getattr(jvm, name))
    return vars(jvm)[name]


def remember_classes(spark: "SparkSession") -> None:
    """Ask now for what pyspark would ask for again and again."""
    for name, methods in PYSPARKS_OWN.items():
        found = java(spark, name)
        for method in methods:
            setattr(found, method, getattr(found, method))
