"""YAML whose mappings know the line on which they begin, so that an error can name it."""

from pathlib import Path
from typing import Any

import yaml


class Entry(dict[Any, Any]):
    """A mapping of the file; `line` counts from 1."""

    line = 0


class _Loader(yaml.SafeLoader):
    pass


def read_yaml(path: Path) -> Any:
    """The document; what is no YAML raises as PyYAML does."""
    return yaml.load(path.read_text(), Loader=_Loader)  # ruff: ignore[unsafe-yaml-load] - a SafeLoader that also counts


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Entry:
    entry = Entry(loader.construct_mapping(node, deep=True))
    entry.line = node.start_mark.line + 1
    return entry


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
