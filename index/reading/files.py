"""Bytes of a file within bounds, what they really are, and text decoded without guessing."""

from __future__ import annotations

import codecs
import io
import re
import stat
import zipfile
from pathlib import Path

from index.errors import UnreadableBrief

SUFFIXES = {
    ".md": "text",
    ".txt": "text",
    ".html": "HTML",
    ".htm": "HTML",
    ".pdf": "PDF",
    ".docx": "DOCX",
    ".eml": "mail",
}
"""Suffix of a brief and what its bytes must be."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|div|p|title|meta|table|article|h[1-6]|!--)", re.IGNORECASE)
_MAIL = re.compile(rb"(?:From [^\n]+\r?\n)?(?:[!-9;-~]+:[^\n]*(?:\r?\n[ \t][^\n]*)*\r?\n)+", re.IGNORECASE)
_MAIL_FIELD = re.compile(
    rb"^(?:from|to|subject|date|mime-version|received|message-id|content-type)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_SIGNATURES = (
    (b"{\\rtf", "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a legacy Office file (.doc, .xls, .ppt) or a locked Office file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
)


def read_bytes(path: Path, max_file_mb: float) -> bytes:
    """The bytes of a regular file.

    :raises UnreadableBrief: if it is missing, not a regular file, forbidden, empty, or larger than ``max_file_mb``.
    """
    limit = int(max_file_mb * 1_000_000)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableBrief(f"{path.name}: not a regular file; give the path of a brief")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableBrief(
            f"{path.name}: cannot be opened ({reason}); check the path and its permissions"
        ) from error
    if len(data) > limit:
        size = max(found.st_size, len(data)) / 1_000_000
        raise UnreadableBrief(
            f"{path.name}: {size:.1f} MB, allowed are {max_file_mb:g} MB; split it or raise max_file_mb"
        )
    if not data:
        raise UnreadableBrief(f"{path.name}: empty (0 bytes); delete it or save it again")
    return data


def _zip_kind(data: bytes) -> str:
    try:
        names = set(zipfile.ZipFile(io.BytesIO(data)).namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return "a broken ZIP archive"
    if "word/document.xml" in names:
        return "DOCX"
    if "xl/workbook.xml" in names:
        return "a spreadsheet (XLSX)"
    if "ppt/presentation.xml" in names:
        return "a presentation (PPTX)"
    if {"content.xml", "mimetype"} <= names:
        return "an OpenDocument file (ODT, ODS or ODP)"
    if "META-INF/container.xml" in names:
        return "an EPUB book"
    return "a ZIP archive"


def sniff(data: bytes) -> str:
    """What the bytes are by their own signature: a value of ``SUFFIXES``, a phrase for people, or ``text``."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data)
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if b"%PDF-" in data[:1024]:
        return "PDF"
    return "text"


def _looks_html(data: bytes) -> bool:
    head = data[:200_000]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or head[:400].count(b"\0") > 20:
        head = head.replace(b"\0", b"")
    return bool(_MARKUP.search(head))


def _looks_mail(data: bytes) -> bool:
    match = _MAIL.match(data[:200_000].lstrip(b"\r\n\xef\xbb\xbf"))
    return bool(match and _MAIL_FIELD.search(match[0]))


def check_kind(path: Path, data: bytes) -> str:
    """The kind of brief that the suffix promises and the bytes keep: one of the values of ``SUFFIXES``.

    :raises UnreadableBrief: for a suffix that is not read, or bytes that are something else.
    """
    suffix = path.suffix.lower()
    found = sniff(data)
    if suffix not in SUFFIXES:
        what = f"{suffix or 'no suffix'}, content is {found}" if found != "text" else (suffix or "no suffix")
        raise UnreadableBrief(f"{path.name}: format not read ({what}); convert it to one of {' '.join(SUFFIXES)}")
    expected = SUFFIXES[suffix]
    if expected == "HTML" and found == "text" and _looks_html(data):
        found = "HTML"
    if expected == "mail" and found == "text" and _looks_mail(data):
        found = "mail"
    if found != expected:
        shown = {"text": f"something that is not {expected}"}.get(found, found)
        raise UnreadableBrief(f"{path.name}: named {suffix} but holds {shown}; rename it or convert it to {suffix}")
    return expected


def decode_text(path: Path, data: bytes) -> str:
    """The text of a UTF-8 file, or of a UTF-16 file with a byte order mark, with every line end as a newline character.

    For UTF-8 this equals ``path.read_text(encoding="utf-8")``: a byte order mark stays as the first character.

    :raises UnreadableBrief: naming the byte that does not decode, or the first control character.
    """
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        found = f"0x{data[error.start]:02x}" if error.start < len(data) else "the end"
        raise UnreadableBrief(
            f"{path.name}: not {encoding.upper()}: {found} at byte {error.start} ({error.reason}); save it as UTF-8"
        ) from error
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise UnreadableBrief(
            f"{path.name}: control character {control[0]!r} in line {line}, not text; save it as UTF-8"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")
