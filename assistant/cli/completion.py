"""``briefs completion``."""

from __future__ import annotations

from argparse import Namespace

import shtab

from assistant.cli.parser import build_parser


def run(options: Namespace) -> int:
    """Print the script that makes a shell complete verbs and options."""
    print(shtab.complete(build_parser(), options.shell))
    return 0
