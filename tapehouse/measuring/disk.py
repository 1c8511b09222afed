"""The disks of this machine that the settings name folders of; of folders that are not here nothing is known."""

import shutil
from typing import TYPE_CHECKING

from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


class DiskPart:
    def __init__(self, settings: "Settings") -> None:
        self._places = {"checkpoints": settings.checkpoints, "warehouse": settings.warehouse_folder}

    def look(self) -> list[Sample]:
        found = []
        for place, folder in self._places.items():
            if folder.is_dir():
                usage = shutil.disk_usage(folder)
                found.append(Sample("tapehouse_disk_size_bytes", usage.total, (place,)))
                found.append(Sample("tapehouse_disk_free_bytes", usage.free, (place,)))
        return found
