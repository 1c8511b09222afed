"""The 500 symbols of the benches: their instruments file, and how much more often some are quoted than others."""

from itertools import accumulate
from pathlib import Path

COUNT = 500
SYMBOLS = tuple(f"Q{number:03d}" for number in range(COUNT))
# the busiest symbol has 22 times the quotes of the quietest
CUMULATIVE_WEIGHTS = tuple(accumulate(1 / (rank + 1) ** 0.5 for rank in range(COUNT)))


def write_instruments(file: Path) -> Path:
    """Write the file that `TAPEHOUSE_INSTRUMENTS` names: half of the symbols at each exchange of New York."""
    lines = ["version: 1", "instruments:"]
    for number, symbol in enumerate(SYMBOLS):
        mic = "XNYS" if number % 2 else "XNAS"
        listing = f"symbol: {symbol}, mic: {mic}, currency: USD, from: 2000-01-03"
        lines += [f"  - instrument_id: bench-{number:03d}", "    listings:"]
        lines += [f"      - {{{listing}, vendor_symbols: {{yahoo: {symbol}}}}}"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*lines, "currencies: []"]) + "\n")
    return file
