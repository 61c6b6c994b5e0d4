"""The command ``briefs``: parses, calls the verb, turns what goes wrong into one line and an exit code.

Exit codes: 0 done, 1 a gate or check failed, 2 wrong usage or input, 130 interrupted, 141 nobody reads the output.
Nothing heavy is imported before a verb needs it.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence

from assistant.cli.parser import build_parser
from index.errors import BriefsError

USAGE, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Returns the exit code; a wrong command line exits with 2 by itself."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no curly quotes shows question marks
    try:
        parser = build_parser()
        if not (sys.argv[1:] if argv is None else argv):
            parser.print_help(sys.stderr)
            return USAGE
        options = parser.parse_args(argv)
        module, _, name = options.verb_function.partition(":")
        verb: Callable[..., int] = getattr(importlib.import_module(module), name)
        code = verb(options)
        sys.stdout.flush()
    except BriefsError as error:
        return complain(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _forget_output(PIPE_CLOSED)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _forget_output(complain(f"{place}{error.strerror or error}"))
    return code


def complain(message: str) -> int:
    """One line on standard error; returns the exit code for wrong input."""
    print(f"briefs: {' '.join(message.split())}", file=sys.stderr)
    return USAGE


def _forget_output(code: int) -> int:
    """Let the interpreter end without a second complaint about output that cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
