"""``briefs eval``, ``calibrate``, ``serve``, ``mcp`` and ``keys``: where the assistant starts what is built upon it.

The assistant imports neither evals nor the page. They are called by name, here, so that one command runs everything.
"""

from __future__ import annotations

import importlib
from argparse import Namespace
from typing import Any

from index.errors import SettingsError
from index.settings import Settings, load_settings

EVAL, CALIBRATION, PAGE, MCP = "evals.cli", "evals.calibration", "ui.server", "ui.api.mcpserver"
KEYS, SIGN_IN = "ui.access.commands", "ui.access.startup"


def evaluate(options: Namespace) -> int:
    """Run suites: 0 if all gates hold, 1 if one fell."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    given = {
        name: getattr(options, name)
        for name in (
            *(
                "suites",
                "baseline",
                "gates",
                "report",
                "case",
                "explain",
                "from_feedback",
                "update_baseline",
                "judge",
                "json",
            ),
            *("corpus", "store"),
        )
    }
    if given["from_feedback"] is True:  # without a FILE
        given["from_feedback"] = settings.store
    return int(_load(EVAL).run_eval(**given, settings=settings))


def calibrate(options: Namespace) -> int:
    """Fit the confidence of answers to the corpus; prints held-out figures."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    print(_load(CALIBRATION).calibrate(settings, options.suite))
    return 0


def serve(options: Namespace) -> int:
    """Serve the chat page and the HTTP API until a signal stops it."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    return int(_load(PAGE).main(settings, host=options.host, port=options.port))


def mcp(options: Namespace) -> int:
    """Serve MCP over standard input and output until the program at the other end closes it."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    return int(_load(MCP).serve_stdio(settings))


def add_key(options: Namespace) -> int:
    """Make a key."""
    named = tuple(group.strip() for group in options.groups.split(",") if group.strip())
    return int(
        _load(KEYS).add(
            load_settings(corpus=options.corpus, store=options.store),
            options.name,
            groups=None if options.all_groups else named,
            expires_days=options.expires,
            portals=options.portal,
            public_key=options.public_key,
            metrics=options.metrics,
        )
    )


def list_keys(options: Namespace) -> int:
    """List the keys."""
    return int(_load(KEYS).show(load_settings(corpus=options.corpus, store=options.store), as_json=options.json))


def revoke_key(options: Namespace) -> int:
    """End a key."""
    return int(_load(KEYS).revoke(load_settings(corpus=options.corpus, store=options.store), options.id))


def sign_in(settings: Settings) -> tuple[bool, list[str], list[str]]:
    """Whether a server on this machine's own address would ask who is there, by which ways, and what is unwise.

    :raises SettingsError: if it would not start.
    """
    access = _load(SIGN_IN)
    needed = access.examine(settings, "127.0.0.1")
    return needed, access.ways_in(settings), access.warnings(settings) if needed else []


def _load(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed; install the project again") from error
