"""From a file to a brief: formats, canonical text, metadata, and which ranges of the text are boilerplate."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from index.errors import CorpusError, UnreadableBrief
from index.reading import frontmatter
from index.reading.boilerplate import find_filler
from index.reading.document import Document, body_of
from index.reading.files import SUFFIXES, check_kind, decode_text, read_bytes
from index.reading.instructions import find_instructions
from index.settings import Settings
from index.types import Brief, Extraction, Metadata

__all__ = ["SUFFIXES", "extraction_json", "iter_sources", "read_brief", "read_file"]

_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)-?(\d\d)-?(\d\d)(?!\d)")
_TITLE = re.compile(r"(?![-*|>])[^\W_].*[^.!?;,\s]")
_BLANK = "\ufeff\u200b \t\n\r\f\v"
_SIDECAR = ".yaml"


def read_file(path: Path, settings: Settings) -> Extraction:
    """Read one file of any supported format.

    The date in the file's name is the fallback for ``published``; the first heading, then the name, for ``title``.

    :raises UnreadableBrief: with one line that says what was found, what was expected and what to do.
    """
    data = read_bytes(path, settings.max_file_mb)
    return _extraction(path, data, settings)


def read_brief(path: Path, corpus: Path, settings: Settings) -> Brief:
    """Read one file of the folder ``corpus``, with its sidecar ``<file>.yaml`` over the document's own metadata.

    The id is the one given in sidecar or front matter, else the path relative to ``corpus`` without suffix.

    :raises UnreadableBrief: as ``read_file``, and for a broken sidecar or a file outside ``corpus``.
    """
    if not path.is_relative_to(corpus):
        raise UnreadableBrief(f"{path}: not inside the corpus {corpus}; move it there")
    data = read_bytes(path, settings.max_file_mb)
    extraction = _extraction(path, data, settings)
    sidecar = path.with_name(path.name + _SIDECAR)
    fields = frontmatter.Fields({})
    digest = hashlib.sha256(data)
    if sidecar.is_file():
        extra = read_bytes(sidecar, settings.max_file_mb)
        fields = frontmatter.parse(decode_text(sidecar, extra).lstrip("\ufeff"), sidecar.name)
        digest.update(extra)
    relative = path.relative_to(corpus)
    return Brief(
        id=fields.brief_id or extraction.brief_id or relative.with_suffix("").as_posix(),
        source=relative.as_posix(),
        sha256=digest.hexdigest(),
        text=extraction.text,
        body=extraction.body,
        metadata=fields.over(extraction.metadata),
        pages=extraction.pages,
        warnings=(*extraction.warnings, *fields.warnings),
    )


def iter_sources(corpus: Path) -> tuple[tuple[Path, ...], tuple[tuple[Path, str], ...]]:
    """The brief files below ``corpus``, sorted, and files that somebody may have meant as briefs, with reasons.

    Left out without mention: ``README.*``, sidecars of briefs, and names or folders that start with ``_`` or ``.``.

    :raises CorpusError: if ``corpus`` is not a folder.
    """
    if not corpus.is_dir():
        raise CorpusError(f"corpus {corpus}: no such folder; create it or pass --corpus DIR")
    briefs: list[Path] = []
    ignored: list[tuple[Path, str]] = []

    def forbidden(error: OSError) -> None:
        ignored.append((Path(error.filename), f"cannot be opened ({error.strerror})"))

    root = corpus.resolve()
    for folder, folders, names in os.walk(corpus, onerror=forbidden):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        for name in names:
            path = Path(folder, name)
            if name.startswith(("_", ".")) or path.stem.lower() == "readme":
                continue
            reason = _why_not(path, root)
            if reason is None:
                briefs.append(path)
            elif reason:
                ignored.append((path, reason))
    return tuple(sorted(briefs)), tuple(sorted(ignored))


def extraction_json(extraction: Extraction, source: str) -> dict[str, Any]:
    """The object that ``briefs extract --json`` prints: offsets as lists, days as ISO dates."""
    metadata = {
        key: value.isoformat() if isinstance(value, dt.date) else list(value) if isinstance(value, tuple) else value
        for key, value in asdict(extraction.metadata).items()
    }
    return {
        "source": source,
        "title": metadata["title"],
        "published": metadata["published"],
        "metadata": metadata,
        "text": extraction.text,
        "body": [list(span) for span in extraction.body],
        "pages": list(extraction.pages),
        "warnings": list(extraction.warnings),
    }


def _why_not(path: Path, root: Path) -> str | None:
    """None for a brief, "" for a sidecar, else why the file is not read."""
    if path.suffix.lower() == _SIDECAR and (owner := path.with_suffix("")).suffix.lower() in SUFFIXES:
        return "" if owner.exists() else f"sidecar of {owner.name}, which is not there"
    if path.suffix.lower() not in SUFFIXES:
        return f"format not read; convert it to one of {' '.join(SUFFIXES)}"
    if not path.is_file():
        return "not a regular file"
    if not path.resolve().is_relative_to(root):
        return "a link that leads out of the corpus"
    return None


def _reader(kind: str) -> Callable[[Path, bytes, Settings], Document]:
    """The reader of one kind of file; each format's library is imported only when needed."""
    if kind == "PDF":
        from index.reading.pdf import read_pdf

        return read_pdf
    if kind == "DOCX":
        from index.reading.docx import read_docx

        return read_docx
    if kind == "mail":
        from index.reading.email import read_mail

        return read_mail
    if kind == "HTML":
        from index.reading.html import read_html

        return read_html
    from index.reading.markdown import read_text

    return lambda path, data, _: read_text(path, data)


def _extraction(path: Path, data: bytes, settings: Settings) -> Extraction:
    kind = check_kind(path, data)
    document = _reader(kind)(path, data, settings)
    text = document.text
    if not text.strip(_BLANK):
        raise UnreadableBrief(f"{path.name}: no text, only white space; delete it or save it again")
    if len(text) > settings.max_brief_chars:
        raise UnreadableBrief(
            f"{path.name}: {len(text)} characters, allowed are {settings.max_brief_chars}; split it or raise "
            f"max_brief_chars"
        )
    planted = find_instructions(text)
    body = body_of(text, [*document.masked, *find_filler(text), *planted])
    warnings = list(document.warnings)
    if planted:
        passages = (
            "1 passage addressed to an assistant was"
            if len(planted) == 1
            else f"{len(planted)} passages addressed to an assistant were"
        )
        warnings.append(f"{passages} left out of the answers")
    if not body:
        warnings.append("nothing but boilerplate: no words of this file can be quoted")
    metadata = _complete(document.metadata, path, text[body[0][0] :] if body else text, made=kind in ("PDF", "DOCX"))
    return Extraction(text, body, metadata, document.brief_id, document.pages, tuple(warnings))


def _complete(metadata: Metadata, path: Path, body: str, *, made: bool) -> Metadata:
    """``metadata`` with what it lacks: a title and a day.

    The title is the first heading, a first line without stop, or the file's name; the day is the one in the file's name,
    which also beats the day on which a PDF or DOCX was ``made``.
    """
    if not metadata.title:
        line = body.lstrip(_BLANK).split("\n", 1)[0].strip()
        heading = _HEADING.search(body)
        named = bool(_TITLE.fullmatch(line)) and len(line) <= 120
        metadata = replace(metadata, title=" ".join(heading[1].split()) if heading else line if named else path.stem)
    day = _DAY.search(path.stem)
    if day and (made or metadata.published is None):
        with suppress(ValueError):  # digits that are no date
            metadata = replace(metadata, published=dt.date(*map(int, day.groups())))
    return metadata
