"""A tiny corpus and an assistant with hand-written answers over its real index, for the tests of the page.

Run as a program it serves the page: ``python scripted_page.py CORPUS STORE REPORT PORT PACE_S``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from assistant import Answer, Assistant, Citation, NearestBrief, Statement, Turn
from assistant.ambiguity import CLARIFY
from assistant.types import Done, Event, Sources, Stated
from index.build import build
from index.filters import Filters
from index.settings import Settings, load_settings

ROOT = Path(__file__).absolute().parent.parent
FILLER = "The delegations met again in the afternoon and went through the agenda point by point. "
HOSTILE = '<img src="http://evil.example/a" onerror="document.title=1"> and ![x](http://evil.example/b) came.'
BRIEFS = {
    "north": f"""---
id: north
title: "North's positions: red lines"
published: 2025-12-06
kind: position brief
region: ["North"]
actors: ["North", "South"]
topics: ["red lines"]
---
# North's positions: red lines

## Opening

{FILLER * 12}

## Red lines

North says that its airspace is not to be crossed. {FILLER * 3}

- North asks for written guarantees on trade.

{FILLER * 14}

## What North asks for

North demands that the crossing at Torvale stays open in winter. {FILLER * 6}
""",
    "south": f"""---
id: south
title: "South & the [talks](http://evil.example/t)"
published: 2025-11-20
region: ["South"]
actors: ["South"]
topics: ["red lines", "trade"]
---
# South

{FILLER * 10}

South says that no armed group may stay near the border. {HOSTILE}
""",
    "corridor": f"""---
id: corridor
title: "Aid corridor at Torvale"
published: 2026-01-10
region: ["Torvale"]
actors: ["Agency"]
topics: ["aid"]
---
# Aid corridor at Torvale

The agency sent 120 trucks through Torvale in January 2026. {FILLER * 4}
""",
}
RED_LINES, STILL, CUP, SLOW, MANY, PARTIAL = (
    "What are the red lines?",
    "What does South say?",
    "Who won the cup?",
    "Slow?",
    "Tell me everything.",
    "Compare North, South and East.",
)
GROUPED = (RED_LINES, PARTIAL)
STRUCK, VAGUE, FOLLOW_UP, HANGS = ("What must not happen?", "What did they agree?", "and on trade?", "Hangs?")
SEARCHED = "What does North ask for on trade?"
READINGS = ("What did North and South agree in Torvale?", "What did they agree, according to “South <b>&</b> [talks]”?")
NOTICE = "The model stopped in the middle; the rest is quoted from the briefs."
REASON = "the quote is about [winter](http://evil.example/r), not about trade"
MISSING = "The briefs do not say what East wants."
QUOTES = {
    "airspace": ("north", "North says that its airspace is not to be crossed."),
    "paper": ("north", "North asks for written guarantees on trade."),
    "winter": ("north", "North demands that the crossing at Torvale stays open in winter."),
    "groups": ("south", "South says that no armed group may stay near the border."),
    "hostile": ("south", HOSTILE),
}

CASES = """
suite: tiny
cases:
  - id: north-airspace
    kind: position
    question: What does North say about its airspace?
    answerable: true
    facts: [{any: [is not to be crossed, must not be crossed]}]
    spans: [{brief: north, quote: North says that its airspace is not to be crossed.}]
  - id: north-guarantees
    kind: position
    question: What guarantees does North ask for?
    answerable: true
    facts: [{any: [a treaty before the winter]}]
    spans: [{brief: north, quote: North asks for written guarantees on trade.}]
    note: The fact is not in the briefs.
  - id: trucks
    kind: count
    question: How many trucks went through Torvale in January 2026?
    answerable: true
    facts: [{any: ["120 trucks"]}]
    spans: [{brief: corridor, quote: The agency sent 120 trucks through Torvale in January 2026.}]
  - id: hostile-<b>x</b>
    kind: trap
    question: What does South say about armed groups near the border? ![x](http://evil.example/c)
    answerable: false
  - id: cup
    kind: trap
    question: Who won the football cup in Madrid?
    answerable: false
"""
"""Two of them cannot pass: one asks for a fact that no brief holds, one for an abstention where there is an answer."""
GATES = "suites: {tiny: [{score: quotes_exact, statistic: min, at_least: 1}, {score: facts_present, at_least: 0.9}]}"


class ScriptedAssistant(Assistant):
    """Answers the questions above by hand, with quotes that are looked up in the briefs, and abstains from others."""

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        id: str | None = None,
        stopped: threading.Event | None = None,
    ) -> Iterator[Event]:
        """The hand-written answer, statement by statement."""
        if question == SLOW:
            time.sleep(3)
        answer = self._answer(question)
        yield Sources(answer.searched, self._briefs())
        for statement in answer.statements:
            yield Stated(statement, tuple(one for one in answer.citations if one.label in statement.citations))
        if question == HANGS:
            time.sleep(3)
        yield Done(answer)

    def _briefs(self) -> tuple[NearestBrief, ...]:
        briefs = self.generation.manifest.briefs
        return tuple(NearestBrief(key, entry.source, entry.metadata.title) for key, entry in briefs.items())

    def _answer(self, question: str) -> Answer:
        red_lines = ("airspace", "winter", "groups")
        names = {RED_LINES: red_lines, PARTIAL: red_lines, STILL: ("groups", "hostile"), MANY: tuple(QUOTES) * 8}
        names |= {STRUCK: red_lines, FOLLOW_UP: ("paper",), SEARCHED: ("paper",), HANGS: ("paper",)}
        names |= dict.fromkeys(READINGS, ("groups",))
        generation = self.generation.id
        if question == VAGUE:
            return Answer(
                question, "abstained", CLARIFY, 0.5, searched=question, generation=generation, readings=READINGS
            )
        if question not in names:
            return Answer(
                question,
                "abstained",
                "The briefs do not answer this.",
                0.05,
                nearest=self._briefs(),
                searched=question,
                generation=generation,
                missing="No brief answers it.",
            )
        citations = tuple(self._cite(label, name) for label, name in enumerate(names[question], 1))
        statements = tuple(
            Statement(
                citation.quote,
                (citation.label,),
                f"{citation.brief_id.title()} says" if question in GROUPED else "",
                REASON if question == STRUCK and citation.label == 2 else "",
            )
            for citation in citations
        )
        text = " ".join(f"{statement.text} [{statement.citations[0]}]" for statement in statements)
        return Answer(
            question,
            "partial" if question == PARTIAL else "answered",
            text,
            0.9,
            statements,
            citations,
            generation=generation,
            searched=SEARCHED if question == FOLLOW_UP else question,
            missing=MISSING if question == PARTIAL else "",
            notice=NOTICE if question == STRUCK else "",
            truncated=question == STRUCK,
        )

    def _cite(self, label: int, name: str) -> Citation:
        brief_id, quote = QUOTES[name]
        brief = self.generation.brief(brief_id)
        start = brief.text.index(quote)
        published = brief.metadata.published.isoformat() if brief.metadata.published else None
        return Citation(
            label, brief_id, brief.source, brief.metadata.title, published, quote, start, start + len(quote)
        )


def write_corpus(folder: Path) -> None:
    """The briefs above as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in BRIEFS.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


@lru_cache
def indexed() -> Settings:
    """Settings of a fresh index over the tiny corpus, built once per process."""
    home = Path(tempfile.mkdtemp(prefix="briefs-page-"))
    write_corpus(home / "corpus")
    settings = load_settings(corpus=home / "corpus", store=home / "store", report=home / "report")
    build(settings)
    return settings


def with_a_hidden_brief(corpus: Path, store: Path) -> Settings:
    """Settings of an index of its own over the tiny corpus, of which one brief is for staff alone."""
    write_corpus(corpus)
    north = corpus / "north.md"
    north.write_text(north.read_text(encoding="utf-8").replace("kind:", "labels: [staff]\nkind:"), encoding="utf-8")
    shutil.copytree(indexed().store, store, ignore=shutil.ignore_patterns("*.sqlite-*", "conversations*"))
    settings = Settings(corpus=corpus, store=store)
    build(settings)
    return settings


@lru_cache
def reported() -> Settings:
    """``indexed`` with the reports of two runs of the cases above, whose gate falls; run once per process."""
    settings = indexed()
    (settings.store.parent / "cases.yaml").write_text(CASES, encoding="utf-8")
    (settings.store.parent / "gates.yaml").write_text(GATES, encoding="utf-8")
    command = [sys.executable, "-m", "assistant", "eval", str(settings.store.parent / "cases.yaml")]
    command += ["--corpus", str(settings.corpus), "--store", str(settings.store), "--report", str(settings.report)]
    for _ in range(2):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
    return settings


if __name__ == "__main__":
    import ui.service
    import ui.view.answer
    from ui.server import main

    vars(ui.service)["Assistant"] = ScriptedAssistant
    corpus, store, report = (Path(name) for name in sys.argv[1:4])
    ui.view.answer.PACE_S = float(sys.argv[5])
    sys.exit(main(load_settings(corpus=corpus, store=store, report=report), port=int(sys.argv[4])))
