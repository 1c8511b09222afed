"""python -m tests.demo_picture: run `make demo`, and draw what it prints into docs/demo.svg.

Of what it tells while quotes are sent the first lines and the last one are drawn.
"""

import io
import subprocess
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tapehouse.paths import ROOT

PICTURE = ROOT / "docs" / "demo.svg"
WIDTH = 104
SENDING, SHOWN = "      gold  ", 3
# no font of another host: what the reader has
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
  aria-label="The terminal after make demo: its steps, the checks that hold, and a summary">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font: bold 18px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> int:
    done = subprocess.run(
        ["make", "demo"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(done.stdout)
    if done.returncode == 0:
        PICTURE.write_text(draw(["$ make demo", *shortened(done.stdout.splitlines())]))
    return done.returncode


def shortened(lines: Sequence[str]) -> list[str]:
    """The lines, of those about the sending the first and the last."""
    sending = [number for number, line in enumerate(lines) if line.startswith(SENDING)]
    left_out = {*sending[SHOWN:-1]}
    shown = []
    for number, line in enumerate(lines):
        if number not in left_out:
            shown.append(line)
        elif number == min(left_out):
            shown.append("      ...")
    return shown


def draw(lines: Sequence[str]) -> str:
    """The lines on a terminal, as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    for line in lines:
        style = "bold" if line.startswith(("$", "[")) else "green" if line.startswith("      ok:") else ""
        console.print(Text(line, style=style), soft_wrap=False)
    return console.export_svg(title="tapehouse", theme=MONOKAI, code_format=FORMAT, unique_id="demo")


if __name__ == "__main__":
    sys.exit(main())
