"""Saved web pages: the main content as trafilatura finds it, laid out as paragraphs, headings, lists and table rows."""

from __future__ import annotations

import codecs
import datetime as dt
import logging
import re
from pathlib import Path
from typing import Any

from index.errors import UnreadableBrief
from index.reading.document import Document
from index.reading.layout import Layout
from index.settings import Settings
from index.types import Metadata, Span

MAX_MARKUP_CHARS = 20_000_000
"""Longest page that is parsed."""

_HOSTILE = (ValueError, TypeError, AttributeError, LookupError, RecursionError, AssertionError)
"""What trafilatura lets through on broken markup."""
_FEW = 200
"""A main content shorter than this, in characters, is doubted and compared with all the visible text."""

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|<\?xml[^>]{0,100}?encoding=[\"']([\w.:-]{2,40})",
    re.IGNORECASE,
)
_AS_BROWSERS_DO = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
_UNSEEN = ("script", "style", "template", "noscript", "head", "iframe", "object", "svg", "select", "textarea")
_HIDING = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9]))",
    re.IGNORECASE,
)


def read_html(path: Path, data: bytes, settings: Settings) -> Document:
    """Read a saved web page; see ``read_markup``.

    :raises UnreadableBrief: when nothing can be decoded or parsed.
    """
    markup, warnings = decode_markup(data)
    document = read_markup(markup, path.name)
    return Document(document.text, document.metadata, document.masked, warnings=(*warnings, *document.warnings))


def decode_markup(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """Text of a page and warnings: byte order mark, then the declared charset, UTF-8, then detection by frequency."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), ()
    found = _CHARSET.search(data[:4096])
    for name in (declared, (found[1] or found[2]).decode("ascii", "replace") if found else "", "utf-8"):
        text = _decoded(data, name)
        if text is not None:
            return text, ()
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000]).best()
    text = _decoded(data, best.encoding) if best else None
    if best and text is not None and not _is_latin(text):
        return text, (f"no charset declared that fits; read as {best.encoding}",)
    return data.decode("cp1252", errors="replace"), ("no charset declared that fits; read as cp1252, as browsers do",)


def _is_latin(text: str) -> bool:
    """Whether the letters beyond ASCII are mostly Latin: then frequencies cannot tell one code page from the next."""
    letters = [char for char in text if char > "\x7f" and char.isalpha()]
    return 2 * sum(char < "\u0250" for char in letters) >= len(letters)


def read_markup(markup: str, name: str) -> Document:
    """The main content of a page; all visible text, with a warning, where no main content is found.

    Hidden elements are left out. A heading that repeats the page's title is masked: it is metadata.

    :raises UnreadableBrief: if the page is too large or cannot be parsed at all.
    """
    tree = _parse(markup, name)
    metadata = _metadata(tree)
    _drop_hidden(tree)
    text = _main_content(tree)
    warnings: list[str] = []
    if len(text) < _FEW:
        visible = _visible(tree)
        if len(visible) >= len(text):
            text = visible
            warnings.append("no main content found on the page: all visible text is read, with menus if it has any")
    return Document(text, metadata, _title_line(text, metadata.title), warnings=tuple(warnings))


def read_visible(markup: str, name: str) -> str:
    """All text of a page that is not hidden, in order.

    :raises UnreadableBrief: as ``read_markup``.
    """
    tree = _parse(markup, name)
    _drop_hidden(tree)
    return _visible(tree)


def _decoded(data: bytes, name: str) -> str | None:
    try:
        codec = codecs.lookup(name).name if name else ""
        if not codec:
            return None
        text = data.decode(_AS_BROWSERS_DO.get(codec, codec))
    except (LookupError, ValueError, AssertionError):  # unknown, not a text encoding, or not this one
        return None
    return text if "\0" not in text else None


def _parse(markup: str, name: str) -> Any:
    from lxml import etree, html

    if len(markup) > MAX_MARKUP_CHARS:
        raise UnreadableBrief(
            f"{name}: {len(markup)} characters of markup, allowed are {MAX_MARKUP_CHARS}; save the article alone"
        )
    clean = re.sub(r"^\s*<\?xml[^>]*\?>|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", " ", markup)
    try:
        tree = html.document_fromstring(
            clean, parser=html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        )
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise UnreadableBrief(f"{name}: no HTML that can be parsed ({str(error)[:80]}); save the page again") from error
    return tree


def _metadata(tree: Any) -> Metadata:
    from trafilatura.metadata import extract_metadata

    params = {"extensive_search": False, "original_date": True}
    try:
        found = extract_metadata(tree, date_config=params)
        day = dt.date.fromisoformat(found.date) if found.date else None
    except _HOSTILE:  # no metadata
        return Metadata(title="")
    return Metadata(
        title=" ".join((found.title or "").split()), published=day, sources=(found.url,) if found.url else ()
    )


def _drop_hidden(tree: Any) -> None:
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.getparent() is None:
            continue
        style = element.get("style")
        if element.get("hidden") is not None or (style and _HIDING.search(style)):
            element.drop_tree()


def _main_content(tree: Any) -> str:
    """What trafilatura takes for the article: its rules first, all its algorithms if they find little."""
    from copy import deepcopy

    import trafilatura
    from trafilatura.settings import Document as Found

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    text = ""
    for fast in (True, False):
        try:
            found = trafilatura.bare_extraction(deepcopy(tree), fast=fast, include_comments=False, include_links=True)
        except _HOSTILE:  # no article in it: the caller falls back to the visible text and says so
            continue
        text = _laid_out(found.body) if isinstance(found, Found) else ""
        if len(text) >= _FEW:
            break
    return text


def _visible(tree: Any) -> str:
    from lxml import etree

    etree.strip_elements(tree, *_UNSEEN, with_tail=False)
    return _laid_out(tree)


def _laid_out(body: Any) -> str:
    from lxml import etree

    layout = Layout()
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if not isinstance(element.tag, str):
            continue
        if event == "start":
            layout.open(element.tag, element.get("rend") or "")
            layout.add(element.text or "")
        else:
            layout.close(element.tag)
            layout.add(element.tail or "" if element is not body else "")
    return layout.text()


def _title_line(text: str, title: str) -> tuple[Span, ...]:
    first = re.match(r"#{1,6} ([^\n]+)\n+", text)
    if first and title and first[1].casefold() == title.casefold() and first.end() < len(text):
        return ((0, len(first[0].rstrip("\n"))),)
    return ()
