"""``briefs search``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from assistant import Assistant
from assistant.cli.questions import Asked, answer_lines, filters_of, question_of
from assistant.cli.terminal import print_json, styled, wrapped
from index.errors import QuestionError
from index.search import Hit
from index.settings import load_settings

KEYS = ("brief_id", "source", "start", "end", "text", "score", "rank")


def run(options: Namespace) -> int:
    """Find passages for the question of the command line, or for those of standard input. Finding none is no error."""
    filters = filters_of(options)
    assistant = Assistant(load_settings(corpus=options.corpus, store=options.store))

    def answer(asked: Asked) -> dict[str, Any]:
        if asked.history:
            raise QuestionError("history: a search takes none; ask the follow-up question in full")
        return found_json(assistant.search(asked.question, options.top_k, filters))

    if options.jsonl:
        return answer_lines(options, answer)
    hits = assistant.search(question_of(options), options.top_k, filters)
    if options.json:
        print_json(found_json(hits))
    else:
        print("\n\n".join(_rendered(hit) for hit in hits) or "Nothing found.")
    return 0


def found_json(hits: list[Hit]) -> dict[str, Any]:
    """The search object of the contract."""
    return {"id": None, "hits": [{key: getattr(hit, key) for key in KEYS} for hit in hits]}


def _rendered(hit: Hit) -> str:
    head = styled(f"{hit.rank}. {hit.source}", "bold")
    place = styled(f"characters {hit.start} to {hit.end}, score {hit.score:.3f}", "dim")
    return f"{head} {place}\n{wrapped(' '.join(hit.text.split()), indent='   ')}"
