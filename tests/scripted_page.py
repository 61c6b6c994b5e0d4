"""A tiny corpus and an assistant with hand-written answers over its real index, for the tests of the page.

Run as a program it serves the page: ``python scripted_page.py CORPUS STORE PORT [PACE_S]``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from assistant import Answer, Assistant, Citation, NearestBrief, Statement, Turn
from index.build import build
from index.filters import Filters
from index.settings import Settings, load_settings

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
RED_LINES, STILL, CUP, SLOW, MANY = (
    "What are the red lines?",
    "What does South say?",
    "Who won the cup?",
    "Slow?",
    "Tell me everything.",
)
QUOTES = {
    "airspace": ("north", "North says that its airspace is not to be crossed."),
    "paper": ("north", "North asks for written guarantees on trade."),
    "winter": ("north", "North demands that the crossing at Torvale stays open in winter."),
    "groups": ("south", "South says that no armed group may stay near the border."),
    "hostile": ("south", HOSTILE),
}


class ScriptedAssistant(Assistant):
    """Answers the questions above by hand, with quotes that are looked up in the briefs, and abstains from others."""

    def ask(
        self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None, id: str | None = None
    ) -> Answer:
        """The hand-written answer."""
        names = {RED_LINES: ("airspace", "winter", "groups"), STILL: ("groups", "hostile"), MANY: tuple(QUOTES) * 8}
        if question == SLOW:
            time.sleep(3)
        if question not in names:
            metadata = self.generation.manifest.briefs
            nearest = tuple(NearestBrief(key, entry.source, entry.metadata.title) for key, entry in metadata.items())
            return Answer(
                question,
                "abstained",
                "The briefs do not answer this.",
                0.05,
                nearest=nearest,
                searched=question,
                generation=self.generation.id,
                missing="No brief answers it.",
            )
        citations = tuple(self._cite(label, name) for label, name in enumerate(names[question], 1))
        statements = tuple(
            Statement(
                citation.quote, (citation.label,), f"{citation.brief_id.title()} says" if question == RED_LINES else ""
            )
            for citation in citations
        )
        text = " ".join(f"{statement.text} [{statement.citations[0]}]" for statement in statements)
        return Answer(
            question, "answered", text, 0.9, statements, citations, generation=self.generation.id, searched=question
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
    settings = load_settings(corpus=home / "corpus", store=home / "store")
    build(settings)
    return settings


if __name__ == "__main__":
    import ui.service
    import ui.view.answer
    from ui.server import main

    vars(ui.service)["Assistant"] = ScriptedAssistant
    if len(sys.argv) > 4:
        ui.view.answer.PACE_S = float(sys.argv[4])
    sys.exit(main(load_settings(corpus=Path(sys.argv[1]), store=Path(sys.argv[2])), port=int(sys.argv[3])))
