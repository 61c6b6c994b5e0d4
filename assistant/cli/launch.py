"""``briefs eval``, ``briefs calibrate``, ``briefs serve``: where the assistant starts what is built upon it.

The assistant imports neither evals nor the page. They are called by name, here, so that one command runs everything.
"""

from __future__ import annotations

import importlib
from argparse import Namespace
from typing import Any

from index.errors import SettingsError
from index.settings import load_settings

EVAL, CALIBRATION, PAGE = "evals.cli", "evals.calibration", "ui.server"


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


def _load(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed; install the project again") from error
