"""``briefs chat``: a conversation on a terminal, or one question a line through a pipe. It is kept as it goes."""

from __future__ import annotations

import re
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
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
    suffix_of,
    surroundings,
)
from index.errors import BriefsError, QuestionError, StoreMissing
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
        if not name.startswith("/"):
            self._ask(line.strip())
        elif command := self._commands.get(name):
            command(argument.strip())
        else:
            close = get_close_matches(name, self._commands, 1)
            raise QuestionError(f"no command {name!r}; {f'did you mean {close[0]}?' if close else '/help lists them'}")

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
        answer = self._assistant.ask(question, history, self._filters)
        self._show(KeptTurn(question, answer.searched, answer, ""))
        if self.conversation is None:
            self.conversation = self._store.create()
        self._store.append(self.conversation.id, answer)
        self.conversation = self._store.open(self.conversation.id)

    def _show(self, turn: KeptTurn) -> None:
        if turn.searched != turn.question:
            _print(styled(wrapped(f"searched: {turn.searched}"), "dim"))
        checked = check_citations(self._assistant.generation, turn.answer.citations)
        _print(rendered(replace(turn.answer, searched="", citations=tuple(one.citation for one in checked))))
        for one in checked:
            if one.standing == "gone":
                _print(styled(f"[{one.citation.label}] is no longer in its brief", "yellow"))

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
            if input(f"Delete “{title}” for good? [y/N] ").strip().lower() not in {"y", "yes"}:
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
        return input("search: ").strip()
    finally:
        readline.set_startup_hook()


def _print(text: str) -> None:
    print(_CONTROL.sub("", text), flush=True)
