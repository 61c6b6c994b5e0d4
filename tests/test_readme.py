"""The answer that the README shows is the one that the command gives."""

from __future__ import annotations

from command import briefs
from test_docs import ROOT, check_block

from index.settings import Settings

QUESTION = "what are Kabul's red lines?"
SHOWN = 2
"""Citations that are shown whole; of the others three dots are left."""


def test_the_answer_is_what_the_command_says(demonstration: Settings) -> None:
    assert f'.venv/bin/briefs ask "{QUESTION}"' in (ROOT / "README.md").read_text(encoding="utf-8")
    places = ["--corpus", str(demonstration.corpus), "--store", str(demonstration.store)]
    statements, citations = briefs("ask", QUESTION, *places, cwd=ROOT).stdout.split("\n\n")[:2]
    lines = [*statements.splitlines(), "", *citations.splitlines()[: 3 * SHOWN], "..."]
    block = "".join(f"    {line}".rstrip() + "\n" for line in lines)
    check_block(ROOT / "README.md", "answer", block)
