"""``briefs ask``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from assistant import Assistant
from assistant.cli.questions import Asked, answer_lines, filters_of, question_of
from assistant.cli.terminal import print_json, styled, wrapped
from assistant.types import Answer, Citation
from index.settings import load_settings


def run(options: Namespace) -> int:
    """Answer the question of the command line, or those of standard input. An abstention is an answer too: 0."""
    filters = filters_of(options)
    assistant = Assistant(load_settings(corpus=options.corpus, store=options.store))

    def answer(asked: Asked) -> dict[str, Any]:
        return assistant.ask(asked.question, asked.history, filters).to_json()

    if options.jsonl:
        return answer_lines(options, answer)
    found = assistant.ask(question_of(options), filters=filters)
    if options.json:
        print_json(found.to_json())
    else:
        print(rendered(found))
    return 0


def rendered(answer: Answer) -> str:
    """The answer for people: statements with the numbers of their citations, the citations, how sure it is."""
    blocks = [wrapped(answer.text)] if not answer.statements else [_statements(answer)]
    if answer.readings:
        blocks.append("\n".join(f"  {number}. {meant}" for number, meant in enumerate(answer.readings, start=1)))
    if answer.notice:
        blocks.append(styled(wrapped(answer.notice), "yellow"))
    if answer.citations:
        blocks.append("\n".join(_citation(citation) for citation in answer.citations))
    if answer.missing:
        blocks.append(wrapped(answer.missing))
    if answer.nearest:
        lines = [f"  {nearest.title} ({nearest.source})" for nearest in answer.nearest]
        blocks.append("\n".join(["Nearest briefs:", *lines]))
    if answer.searched and answer.searched != answer.question:
        blocks.append(styled(wrapped(f"Searched for: {answer.searched}"), "dim"))
    total = answer.timings_ms.get("total", 0)
    writer = f", written by {answer.model}" if answer.model and answer.engine != "extractive" else ""
    blocks.append(styled(f"{answer.status}, confidence {answer.confidence:.0%}, {total:.0f} ms{writer}", "dim"))
    return "\n\n".join(blocks)


def _statements(answer: Answer) -> str:
    lines, group = [], ""
    for statement in answer.statements:
        if statement.group != group:
            group = statement.group
            lines.append(styled(group, "bold"))
        if statement.unsupported:
            lines.append(styled(wrapped(f"Not borne out ({statement.unsupported}): ~~{statement.text}~~"), "dim"))
        else:
            labels = "".join(f"[{label}]" for label in statement.citations)
            lines.append(wrapped(f"{statement.text} {labels}"))
    return "\n".join(lines)


def _citation(citation: Citation) -> str:
    day = f", {citation.published}" if citation.published else ""
    page = f", page {citation.page}" if citation.page else ""
    place = f"{citation.source}{page}, characters {citation.start} to {citation.end}"
    quote = " ".join(citation.quote.split())
    head = f"[{citation.label}] {citation.title}{day}"
    return "\n".join((styled(head, "bold"), styled(f"    {place}", "dim"), wrapped(f"“{quote}”", indent="    ")))
