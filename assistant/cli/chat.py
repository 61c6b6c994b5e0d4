"""``briefs chat``: a conversation on a terminal, or one question a line through a pipe. It is kept as it goes."""

from __future__ import annotations

import re
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from assistant import Assistant
from assistant.cli import complain
from assistant.cli.ask import rendered
from assistant.cli.questions import filters_of
from assistant.cli.terminal import counted, styled, wrapped
from assistant.conversations import (
    Conversation,
    ConversationStore,
    KeptTurn,
    check_citations,
    export,
    review,
    suffix_of,
    surroundings,
)
from assistant.conversations.export import CUT
from assistant.generative.access import access_of
from assistant.types import Answer, Sources, Stated, Statement, Turn
from index.errors import BriefsError, QuestionError, SettingsError, StoreMissing
from index.filters import Filters
from index.settings import load_settings

PROMPT = "> "
SHORT_ID = 8
"""Characters of an id that are shown: enough to tell conversations apart."""
HELP = {
    "/help": "show this",
    "/cite N": "show citation [N] of the last answer within its brief",
    "/edit [QUESTION]": "change the question that was searched and ask again",
    "/new": "begin a new conversation",
    "/open [ID]": "go on with a kept conversation; without an ID, list them",
    "/list": "list the kept conversations",
    "/rename TITLE": "give this conversation another title",
    "/delete [ID]": "delete this conversation, or another, for good",
    "/export FILE": "write this conversation to a .md or .docx file",
    "/quit": "leave",
}
_CONTROL = re.compile(r"\x1b(?!\[\d*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
"""Control characters other than line breaks, tabs and our own colours: a brief must not steer the terminal."""


def run(options: Namespace) -> int:
    """Talk until the input ends. On a terminal 0; through a pipe, as for ``briefs ask --jsonl``, 2 if a line failed."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    assistant = Assistant(settings)
    assistant.generation  # noqa: B018  (without an index there is nothing to talk about)
    chat = Chat(assistant, ConversationStore(settings.store), filters_of(options))
    if options.resume:
        chat.resume(options.resume)
    return _at_terminal(chat) if sys.stdin.isatty() and sys.stdout.isatty() else _from_pipe(chat)


class Chat:
    """One conversation at a time, and the commands on it."""

    def __init__(self, assistant: Assistant, store: ConversationStore, filters: Filters) -> None:
        self._assistant = assistant
        self._store = store
        self._filters = filters
        self.conversation: Conversation | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            name.split()[0]: getattr(self, f"_{name.split()[0][1:]}") for name in HELP
        }

    def take(self, line: str) -> None:
        """Obey a command, or answer a question and keep both.

        :raises BriefsError: if that cannot be done; the conversation can go on.
        :raises EOFError: for ``/quit``.
        """
        name, _, argument = line.strip().partition(" ")
        if reading := self._reading(line):
            self._ask(reading, alone=True)
        elif not name.startswith("/"):
            self._ask(line.strip())
        elif command := self._commands.get(name):
            command(argument.strip())
        else:
            close = get_close_matches(name, self._commands, 1)
            raise QuestionError(f"no command {name!r}; {f'did you mean {close[0]}?' if close else '/help lists them'}")

    def say_who_sees_it(self) -> None:
        """Print which model at which address will see what is asked, if one will."""
        if self._assistant.settings.engine != "model":
            return
        try:
            access = access_of(self._assistant.settings)
        except SettingsError as error:
            complain(str(error))
            return
        for line in (f"Questions and the passages found for them go to {access}.", *access.warnings):
            _print(styled(wrapped(line), "dim"))

    def resume(self, start_of_id: str) -> None:
        """Go on with a kept conversation, and show it. :raises StoreMissing: if no single id starts like that."""
        self.conversation = self._store.open(self._resolve(start_of_id))
        _print(styled(self.conversation.title, "bold"))
        for turn in self.conversation.turns:
            _print(f"\n{styled(wrapped(f'{PROMPT}{turn.question}'), 'cyan')}")
            self._show(turn)

    def warm(self) -> None:
        """Load what the first answer needs; what fails is told when a question is asked."""
        with suppress(BriefsError):
            self._assistant.search("What do the briefs say?")

    def _ask(self, question: str, *, alone: bool = False) -> None:
        history = self.conversation.history if self.conversation and not alone else ()
        answer = self._answer(question, history)
        if self.conversation is None:
            self.conversation = self._store.create()
        self._store.append(self.conversation.id, answer)
        self.conversation = self._store.open(self.conversation.id)

    def _answer(self, question: str, history: Sequence[Turn]) -> Answer:
        """The answer, printed as it comes."""
        stated: list[Statement] = []
        for event in self._assistant.stream(question, history, self._filters):
            if isinstance(event, Sources):
                _print_searched(question, event.searched)
            elif isinstance(event, Stated):
                _print_statement(event.statement, stated[-1].group if stated else "")
                stated.append(event.statement)
            else:
                _print_rest(event.answer, tuple(stated))
                return event.answer
        raise AssertionError("an answer has an end")

    def _show(self, turn: KeptTurn) -> None:
        _print_searched(turn.question, turn.searched)
        answer, checked = review(self._assistant.generation, turn.answer)
        _print_rest(answer, ())
        for one in checked:
            if one.standing == "gone":
                _print(styled(f"[{one.citation.label}] is no longer in its brief", "yellow"))

    def _reading(self, line: str) -> str:
        """The reading that a number picks when the last question was asked back; else empty."""
        offered = self.conversation.turns[-1].answer.readings if self.conversation and self.conversation.turns else ()
        number = line.strip(" \n\r\t[].")
        return offered[int(number) - 1] if number in {str(k + 1) for k in range(len(offered))} else ""

    def _help(self, _: str) -> None:
        _print("\n".join(f"{name:18} {what}" for name, what in HELP.items()))

    def _cite(self, label: str) -> None:
        citations = self._current.turns[-1].answer.citations
        kept = [citation for citation in citations if label.strip("[]") == str(citation.label)]
        if not kept:
            known = f"from 1 to {len(citations)}" if citations else "none: the last answer cites nothing"
            raise QuestionError(f"/cite: found {label!r}, expected the number of a citation, {known}")
        (checked,) = check_citations(self._assistant.generation, kept)
        citation, before, after = checked.citation, "", ""
        if checked.standing != "gone":
            brief = self._assistant.generation.brief(citation.brief_id)
            before, after = surroundings(brief, citation.start, citation.end)
        said = {"gone": "no longer in the brief", "moved": "moved since the answer", "current": ""}[checked.standing]
        place = [citation.source, citation.published, f"page {citation.page}" if citation.page else "", said]
        _print(styled(citation.title, "bold"))
        _print(styled(", ".join(part for part in place if part), "dim"))
        for text, style in ((before, "dim"), (f"“{citation.quote}”", ""), (after, "dim")):
            if text.strip():
                line = wrapped(" ".join(text.split()), indent="    ")
                _print(styled(line, style) if style else line)

    def _edit(self, question: str) -> None:
        searched = self._current.turns[-1].searched
        if not question and sys.stdin.isatty():
            question = _prefilled(searched)
        if not question:
            raise QuestionError(f"/edit: expected the question to search instead of “{searched}”")
        self._ask(question, alone=True)

    def _new(self, _: str) -> None:
        self.conversation = None

    def _open(self, start_of_id: str) -> None:
        if start_of_id:
            self.resume(start_of_id)
        else:
            self._list("")

    def _list(self, _: str) -> None:
        for kept in self._store.listed():
            here = "*" if self.conversation and kept.id == self.conversation.id else " "
            when = kept.updated[:16].replace("T", " ")
            _print(f"{here} {kept.id[:SHORT_ID]}  {when}  {counted(kept.turns, 'question'):12}  {kept.title}")

    def _rename(self, title: str) -> None:
        if not title:
            raise QuestionError("/rename: expected a title")
        kept = self._store.rename(self._current.id, title)
        self.conversation = replace(self._current, title=kept)

    def _delete(self, start_of_id: str) -> None:
        chosen = self._resolve(start_of_id) if start_of_id else self._current.id
        if sys.stdin.isatty():
            title = self._store.open(chosen).title
            if _prompt(f"Delete “{title}” for good? [y/N] ").lower() not in {"y", "yes"}:
                return
        self._store.delete(chosen)
        if self.conversation and self.conversation.id == chosen:
            self.conversation = None

    def _export(self, name: str) -> None:
        suffix = suffix_of(name)
        written = export(self._current, self._assistant.generation, suffix)
        try:
            with Path(name).expanduser().open("xb") as file:
                file.write(written)
        except FileExistsError:
            raise QuestionError(f"{name} is already there; choose another name") from None
        except OSError as error:
            raise QuestionError(f"{name} cannot be written: {error.strerror}") from error
        _print(f"{counted(len(self._current.turns), 'question')} written to {name}")

    def _quit(self, _: str) -> None:
        raise EOFError

    @property
    def _current(self) -> Conversation:
        if self.conversation is None:
            raise QuestionError("nothing has been asked yet in this conversation")
        return self.conversation

    def _resolve(self, start_of_id: str) -> str:
        found = [kept.id for kept in self._store.listed() if kept.id.startswith(start_of_id)]
        if len(found) != 1:
            what = f"{len(found)} conversations" if found else "no conversation"
            raise StoreMissing(f"{what} kept under {start_of_id!r}; /list in `briefs chat` shows their ids")
        return found[0]


def _at_terminal(chat: Chat) -> int:
    """Prompt for lines with editing and history until Ctrl-D or /quit. Ctrl-C drops the line or stops the answer."""
    import readline

    for turn in chat.conversation.turns if chat.conversation else ():
        readline.add_history(turn.question)
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal is a text file
    warming = threading.Thread(target=chat.warm, daemon=True)
    warming.start()
    _print(styled("Ask a question, or /help. Ctrl-C stops an answer, Ctrl-D leaves.", "dim"))
    chat.say_who_sees_it()
    with suppress(EOFError):
        while True:
            with suppress(KeyboardInterrupt):
                _take(chat, input(f"\n{PROMPT}"), warming)
    if chat.conversation:
        _print(styled(f"\nKept: briefs chat --resume {chat.conversation.id[:SHORT_ID]}", "dim"))
    return 0


def _take(chat: Chat, line: str, warming: threading.Thread) -> None:
    try:
        warming.join()  # an import that Ctrl-C cuts in half cannot be repeated: they run in that thread
        if line.strip():
            chat.take(line)
    except KeyboardInterrupt:
        _print("Stopped.")
    except BriefsError as error:
        complain(str(error))


def _from_pipe(chat: Chat) -> int:
    """Answer each line that is not blank. :raises BriefsError: at the end, if a line could not be answered."""
    failed = total = 0
    for number, line in enumerate(sys.stdin.buffer, start=1):
        text = line.decode("utf-8-sig", errors="replace")
        if not text.strip():
            continue
        total += 1
        try:
            if total > 1:
                _print("")
            chat.take(text)
        except EOFError:
            break
        except BriefsError as error:
            failed += 1
            complain(f"line {number}: {error}")
    if failed:
        raise BriefsError(f"{failed} of {counted(total, 'line')} could not be answered")
    return 0


def _prefilled(text: str) -> str:
    """A line of the terminal that starts as ``text`` and can be edited."""
    import readline

    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return _prompt("search: ")
    finally:
        readline.set_startup_hook()


def _prompt(words: str) -> str:
    """What is typed after ``words``; empty for Ctrl-D, which leaves the prompt and not the program."""
    try:
        return input(words).strip()
    except EOFError:
        _print("")
        return ""


def _print_searched(question: str, searched: str) -> None:
    if searched not in {"", question}:
        _print(styled(wrapped(f"searched: {searched}"), "dim"))


def _print_statement(statement: Statement, group: str) -> None:
    """One statement under its group, unless the one before was under the same; struck out if nothing bears it out."""
    if statement.group not in {"", group}:
        _print(styled(statement.group, "bold"))
    labels = "".join(f"[{label}]" for label in statement.citations)
    if statement.unsupported:
        _print(styled(wrapped(f"[struck out, {statement.unsupported}: {statement.text}] {labels}"), "dim"))
    else:
        _print(wrapped(f"{statement.text} {labels}"))


def _print_rest(answer: Answer, printed: tuple[Statement, ...]) -> None:
    """What is not printed yet: all statements again if those that came are others."""
    if answer.statements[: len(printed)] != printed:
        _print(styled("The whole answer:", "bold"))
        printed = ()
    for k in range(len(printed), len(answer.statements)):
        _print_statement(answer.statements[k], answer.statements[k - 1].group if k else "")
    if answer.notice or answer.truncated:
        _print(styled(wrapped(answer.notice or CUT), "yellow"))
    if answer.readings:
        lines = [wrapped(reading, "     ", f"  {k}. ") for k, reading in enumerate(answer.readings, 1)]
        _print("\n".join([wrapped(answer.text), *lines, "Type a number, or ask in other words."]))
        return
    text = "" if answer.statements else answer.text
    rest = rendered(replace(answer, searched="", statements=(), text=text, notice="", truncated=False))
    _print(rest if text else rest[1:])  # one blank line after the statements


def _print(text: str) -> None:
    print(_CONTROL.sub("", text), flush=True)
