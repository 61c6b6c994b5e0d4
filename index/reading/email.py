"""Saved mails: the plain part, else the HTML part; signature, quoted replies and legal footers are masked."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from email import message_from_bytes, utils
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

from index.errors import UnreadableBrief
from index.reading.document import Document
from index.reading.html import decode_markup, read_visible
from index.settings import Settings
from index.types import Metadata, Span

_MAX_PARTS = 500
_REPLY = re.compile(r"^(?:(?:re|aw|fwd?|wg|tr)\s*:\s*)+", re.IGNORECASE)
_UUENCODED = re.compile(r"^begin [0-7]{3,4} ([^\n]+)\n(?:[ -`]{1,61}\n)*?(?:`|[ ])?\n?end[ \t]*$", re.MULTILINE)
_ITEM = re.compile(r"[ \t]*(?:[-*•>|#]|\d{1,2}[.)])")
_SIGNATURE = re.compile(r"^--[ ]?$(?:\n[^\n]*){0,25}\Z|^sent from my [^\n]{2,40}$", re.MULTILINE | re.IGNORECASE)
_QUOTED = re.compile(
    r"(?:^[^\n>]{0,200}\b(?:wrote|schrieb|a écrit|escribió)\s*:[ \t]*\n+)?(?:^>[^\n]*\n?)+"
    r"|^-{3,}[ ]?original message[ ]?-{3,}[\s\S]*",
    re.MULTILINE | re.IGNORECASE,
)
_HISTORY = re.compile(
    r"(?<=\n)(?:[ \t]*_{3,}[ \t]*\n+)?^[ \t>]*from:[^\n]+\n(?:[ \t>]*[a-z-]+:[^\n]*\n)*?[ \t>]*(?:sent"
    r"|date):[^\n]+\n[\s\S]*",
    re.MULTILINE | re.IGNORECASE,
)
_FORWARDED = re.compile(r"\s*(?:fwd?|wg|tr)\s*:", re.IGNORECASE)
_FOOTER = re.compile(
    r"\bunsubscribe\b|\bmanage your (?:e-?mail )?(?:preferences|subscriptions?)\b|\bopt[- ]out of\b"
    r"|\byou (?:are|have) (?:receiv(?:ing|ed)|subscribed)\b[^.]{0,60}\b(?:e-?mail|message|newsletter|list)\b"
    r"|\byou received this (?:e-?mail|message)\b"
    r"|\bview (?:this )?(?:e-?mail|message) in (?:your|a) browser\b",
    re.IGNORECASE,
)
_LEGAL = re.compile(
    r"\bconfidential(?:ity)?\b|\bprivileged\b|\bintended (?:only |solely |exclusively )?(?:for|recipients?)\b"
    r"|\bnamed (?:addressees?|recipients?)\b"
    r"|\bin error\b|\bdelete (?:it|this|the)\b|\bdisclaimer\b|\bunauthori[sz]ed\b|\bnotify the sender\b"
    r"|\bthis (?:e-?mail|message|transmission)\b",
    re.IGNORECASE,
)
_PARAGRAPH = re.compile(r"[^\n]+(?:\n[^\n]+)*")


def read_mail(path: Path, data: bytes, settings: Settings) -> Document:
    """Read a saved mail. Lines wrapped for the terminal are joined to paragraphs. Attachments are named, not read.

    :raises UnreadableBrief: if its parts nest too deeply to be read.
    """
    try:
        message = message_from_bytes(data)
        plain, markup, others, warnings = _parts(message)
    except (RecursionError, ValueError, LookupError, AssertionError, TypeError, AttributeError) as error:
        raise UnreadableBrief(
            f"{path.name}: broken mail ({type(error).__name__}: {str(error)[:80]}); export it again"
        ) from error
    visible = read_visible(markup, path.name) if markup.strip() else ""
    plain, packed = _without_packed(plain)
    text = _unwrapped(plain) if plain.strip() else visible
    if plain.strip() and visible:
        if len(plain) < 200 and len(visible) > 5 * len(plain):
            text = visible
            warnings.append("the plain part is a stub: the HTML part is read")
        elif _alike(plain, visible) < 0.6:
            warnings.append("the plain and the HTML part say different things: the plain part is read")
    others += packed
    if others:
        warnings.append(f"not read: attached {', '.join(others)[:300]}")
    subject = _header(message, "Subject")
    masked = _masked(text, forwarded=bool(_FORWARDED.match(subject)))
    metadata = Metadata(title=_REPLY.sub("", subject), published=_day(message))
    return Document(text, metadata, tuple(masked), warnings=tuple(warnings))


def _parts(message: Message) -> tuple[str, str, list[str], list[str]]:
    """Text of the plain parts, markup of the HTML parts, names of what is attached, warnings."""
    plain: list[str] = []
    markup: list[str] = []
    attached: list[str] = []
    warnings: list[str] = []
    inside: set[int] = set()
    for count, part in enumerate(message.walk()):
        if count >= _MAX_PARTS:
            warnings.append(f"more than {_MAX_PARTS} parts: the rest is not read")
            break
        if id(part) in inside:
            inside.update(id(child) for child in part.get_payload() if part.is_multipart())
            continue
        name = part.get_filename()
        kind = part.get_content_type()
        if name or part.get_content_disposition() == "attachment" or kind == "message/rfc822":
            attached.append(_clean(name or kind))
            if part.is_multipart():
                inside.update(id(child) for child in part.get_payload())
        elif kind in ("text/plain", "text/html"):
            payload = part.get_payload(decode=True)
            found, notes = decode_markup(
                payload if isinstance(payload, bytes) else b"", part.get_content_charset() or ""
            )
            warnings += notes
            (plain if kind == "text/plain" else markup).append(found)
        elif not part.is_multipart():
            attached.append(_clean(kind))
    joined = "\n\n".join(part.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n") for part in plain)
    return joined, "\n".join(markup), attached, list(dict.fromkeys(warnings))


def _clean(name: str) -> str:
    try:
        return " ".join(str(make_header(decode_header(name))).split())[:80]
    except (LookupError, ValueError, AssertionError, TypeError):
        return " ".join(name.encode("ascii", "replace").decode().split())[:80]


def _header(message: Message, name: str) -> str:
    """A header decoded, or as it stands when it is not decodable."""
    value = message.get(name, "")
    try:
        found = str(make_header(decode_header(value)))
    except (LookupError, ValueError, AssertionError, TypeError):
        found = str(value)
    return " ".join(found.encode("utf-8", "replace").decode().split())


def _day(message: Message) -> dt.date | None:
    try:
        return utils.parsedate_to_datetime(str(message.get("Date", ""))).date()
    except (ValueError, TypeError, IndexError, OverflowError):  # none, or none that can be read
        return None


def _without_packed(text: str) -> tuple[str, list[str]]:
    """The text without files that are uuencoded into it, and their names."""
    return _UUENCODED.sub("", text), [_clean(match[1]) for match in _UUENCODED.finditer(text)]


def _unwrapped(text: str) -> str:
    """Lines put together where the next word had no room: within a paragraph, up to the width of its longest line."""
    out: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", "\n".join(line.rstrip() for line in text.split("\n"))):
        lines = [line for line in paragraph.split("\n") if line]
        width = max(map(len, lines), default=0)
        joined: list[str] = []
        for position, line in enumerate(lines):
            last = lines[position - 1] if position else ""
            full = len(last) + 1 + len(line.split(" ", 1)[0]) > width
            if joined and 40 < width <= 100 and full and not _ITEM.match(line) and not last.startswith(">"):
                joined[-1] += " " + line.strip()
            else:
                joined.append(line)
        out.append("\n".join(joined))
    return "\n\n".join(block for block in out if block).strip()


def _alike(one: str, other: str) -> float:
    """Share of the words of the shorter text that the longer has too."""
    first, second = (Counter(re.findall(r"\w+", text.casefold())) for text in (one, other))
    return (first & second).total() / max(1, min(first.total(), second.total()))


def _masked(text: str, forwarded: bool) -> list[Span]:
    history = () if forwarded else (_HISTORY,)
    spans = [match.span() for pattern in (_SIGNATURE, _QUOTED, *history) for match in pattern.finditer(text)]
    return spans + [match.span() for match in _PARAGRAPH.finditer(text) if _is_footer(match[0])]


def _is_footer(paragraph: str) -> bool:
    return bool(_FOOTER.search(paragraph)) or len({hit[0].casefold() for hit in _LEGAL.finditer(paragraph)}) >= 3
