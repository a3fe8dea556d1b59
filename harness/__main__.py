"""`python -m harness` is `eras`, from a bare checkout too."""

import sys

from harness.cli import main

sys.exit(main())
