"""python -m tapehouse.services.airflow_imports FOLDER: what Airflow imports, for one that runs in containers."""

import sys
from pathlib import Path

from jobs.lake.errors import TapehouseError
from jobs.lake.settings import read_settings
from tapehouse.services.airflow_files import write_imports


def main(folder: str) -> int:
    try:
        write_imports(Path(folder), read_settings())
    except TapehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
