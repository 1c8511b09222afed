"""Names of what a vendor sends and nobody knows: fit for headers, labels and the ledger, and not too many."""

import re
from collections.abc import Iterable

LONGEST, MOST = 60, 10


def spell_strangers(names: Iterable[str]) -> tuple[str, ...]:
    """The names in order, each once; what is no letter, digit, point, dash or underscore is a question mark."""
    spelt = {re.sub(r"[^A-Za-z0-9_.-]", "?", name)[:LONGEST] for name in names}
    return tuple(sorted(spelt)[:MOST])
