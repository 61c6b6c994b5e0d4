"""``python -m assistant`` is ``briefs``."""

import sys

from assistant.cli import main

sys.exit(main())
