"""A conversation as a file for people: Markdown or a Word document, each citation a footnote with its exact quote.

What comes from briefs, and what was asked, is text in both, whatever marks it holds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from assistant.conversations.citations import Checked, review
from assistant.conversations.types import Conversation, KeptTurn
from assistant.types import Answer
from index.errors import QuestionError
from index.generation import Generation

SUFFIXES = (".md", ".docx")
GONE = "No longer in the brief; kept as it was quoted."
UNCITED = "(no quote supports this)"
CUT = "The model's answer was cut short."

Kind = Literal["title", "about", "question", "searched", "group", "statement", "struck", "plain", "nearest"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of an exported conversation, the citations that its footnotes show, and a remark after them."""

    kind: Kind
    text: str
    notes: tuple[Checked, ...] = ()
    remark: str = ""


def export(
    conversation: Conversation, generation: Generation, suffix: str, allowed: Collection[str] | None = None
) -> bytes:
    """The file for ``suffix``, ``.md`` (UTF-8) or ``.docx``, with citations as they stand in ``generation``.

    ``allowed`` is as for ``check_citations``: of any other brief nothing is written.

    :raises QuestionError: if there is no such format.
    """
    paragraphs = list(outline(conversation, generation, allowed))
    if suffix.lower() == ".md":
        return markdown(paragraphs).encode(errors="replace")
    if suffix.lower() == ".docx":
        from assistant.conversations.word import document  # python-docx is loaded only for this

        return document(paragraphs)
    raise QuestionError(f"found {suffix or 'no suffix'!r}, expected a file that ends in {' or '.join(SUFFIXES)}")


def suffix_of(name: str) -> str:
    """The format that a file's name asks for. :raises QuestionError: if there is no such format."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise QuestionError(f"found {name!r}, expected a file that ends in {' or '.join(SUFFIXES)}")
    return suffix


def outline(
    conversation: Conversation, generation: Generation, allowed: Collection[str] | None = None
) -> Iterator[Paragraph]:
    """The paragraphs of the file, in their order."""
    yield Paragraph("title", conversation.title)
    about = f"Begun {conversation.created[:16].replace('T', ' ')} UTC"
    if allowed is None:  # the index may be newer for a brief that others may not read
        about += f"; quotes compared with the briefs as indexed {generation.manifest.built_at:%Y-%m-%d %H:%M} UTC"
    yield Paragraph("about", f"{about}.")
    for turn in conversation.turns:
        yield from _turn(turn, *review(generation, turn.answer, allowed))


def _turn(turn: KeptTurn, answer: Answer, checked: tuple[Checked, ...]) -> Iterator[Paragraph]:
    by_label = {one.citation.label: one for one in checked}
    yield Paragraph("question", turn.question)
    if (answer.searched or turn.question) != turn.question:
        yield Paragraph("searched", f"Searched: {answer.searched}")
    if answer.notice or answer.truncated:
        yield Paragraph("plain", answer.notice or CUT)
    if not answer.statements:
        yield Paragraph("plain", answer.text)
    group = ""
    for statement in answer.statements:
        if statement.group != group:
            group = statement.group
            yield Paragraph("group", group)
        cited = [by_label[label] for label in statement.citations if label in by_label]
        notes = tuple(one for one in cited if one.standing != "hidden")
        if statement.unsupported:
            yield Paragraph("struck", statement.text, notes, f"(not supported: {statement.unsupported})")
        else:
            yield Paragraph("statement", statement.text, notes, "" if cited else UNCITED)
    if answer.missing:
        yield Paragraph("plain", answer.missing)
    for reading in answer.readings:
        yield Paragraph("nearest", reading)
    for nearest in answer.nearest:
        yield Paragraph("nearest", f"{nearest.title} ({nearest.source})")


def place_of(checked: Checked) -> str:
    """Where a citation's words stand: source, day and page, as far as they are known."""
    citation = checked.citation
    page = f"page {citation.page}" if citation.page else ""
    return ", ".join(part for part in (citation.source, citation.published, page) if part)


_FRAMES: dict[Kind, str] = {
    "title": "# {}",
    "about": "*{}*",
    "question": "## {}",
    "searched": "*{}*",
    "group": "**{}**",
    "statement": "{}",
    "struck": "~~{}~~",
    "plain": "{}",
    "nearest": "- {}",
}


def markdown(paragraphs: list[Paragraph]) -> str:
    """The paragraphs in Markdown with footnotes ``[^1]``; the same citation of one answer has one number."""
    numbers: dict[tuple[int, int], int] = {}
    blocks, notes, turn = [], [], 0
    for paragraph in paragraphs:
        turn += paragraph.kind == "question"
        marks = []
        for note in paragraph.notes:
            key = (turn, note.citation.label)
            if key not in numbers:
                numbers[key] = len(numbers) + 1
                notes.append(_footnote(numbers[key], note))
            marks.append(f"[^{numbers[key]}]")
        remark = f" {escaped(paragraph.remark)}" if paragraph.remark else ""
        blocks.append(_FRAMES[paragraph.kind].format(escaped(paragraph.text)) + "".join(marks) + remark)
    return "\n\n".join([*blocks, *notes]) + "\n"


def _footnote(number: int, note: Checked) -> str:
    title, place = escaped(note.citation.title), escaped(place_of(note))
    gone = f" **{GONE}**" if note.standing == "gone" else ""
    lines = [f"    > {escaped(line)}".rstrip() for line in note.citation.quote.strip().splitlines()]
    return "\n".join([f"[^{number}]: **{title}** ({place}).{gone}", "", *lines])


_MARKS = re.compile(r"[\\`*_{}\[\]<>|~$#&^=@]|(?<=\w):(?=//)|(?<=www)\.", re.I)
_OPENING = re.compile(r"^(?:[-+:]|\d+(?=[.)]))")


def escaped(line: str) -> str:
    """One line of text as Markdown that shows exactly its words: no markup, HTML, link, image or footnote."""
    text = _MARKS.sub(r"\\\g<0>", " ".join(line.split()))
    return _OPENING.sub(lambda match: f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}", text)
