"""python -m tests.bench.spark_indicators FOLDER TIMES

Prices adjusted for splits and dividends, their SMA 20 and RSI 14, as the jobs work them out: the same transforms, types
and settings, from Parquet to Parquet. It prints the seconds of each time, all in one session.
"""

import json
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

from tests.bench.daily_bars import ACTIONS, BARS
from transforms.adjust import adjust_bars
from transforms.indicators import with_indicators

BASIS, WANTED = "total_return_yahoo", ("sma_20", "rsi_14")
MADE = "spark"


def main(folder: Path, times: int) -> None:
    spark = SparkSession.builder.appName("indicators").getOrCreate()
    seconds = []
    for _ in range(times):
        begun = time.monotonic()
        bars, actions = (spark.read.parquet(str(folder / name)) for name in (BARS, ACTIONS))
        (
            bars
            .transform(adjust_bars, actions=actions, bases=(BASIS,))
            .transform(with_indicators, wanted=WANTED, told=("close",))
            .write.mode("overwrite")
            .option("compression", "zstd")
            .parquet(str(folder / MADE))
        )
        seconds.append(time.monotonic() - begun)
    print(json.dumps(seconds))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
