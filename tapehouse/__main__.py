"""`python -m tapehouse` is the command `tapehouse`."""

import sys

from tapehouse.cli import main

sys.exit(main())
