"""Markdown and plain text: the file itself is the canonical text, so that offsets are valid in the file."""

from __future__ import annotations

import re
from pathlib import Path

from index.reading import frontmatter
from index.reading.document import Document
from index.reading.files import decode_text
from index.types import Metadata, Span

_LINES = re.compile(
    r"""
      ^[ \t]{0,9}(?:!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])[ \t]*)+$      # nothing but images
    | ^[ ]{0,3}\[[^\]\n]+\]:[ \t]*\S[^\n]*$                              # link reference definition
    | ^[ ]{0,3}(?:`{3,}|~{3,})[^\n`]*$                                  # code fence marker
    | ^[ ]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,}[ \t]*)$  # rule or heading underline
    | ^[ \t]{0,9}\|?(?:[ \t]{0,9}:?-{2,}:?[ \t]{0,9}\|)+(?:[ \t]{0,9}:?-{2,}:?[ \t]*)?$  # table separator
    | ^[ \t]{0,9}</?[a-z][^<>\n]*>[ \t]*$                                   # a tag alone on its line
    """,
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def read_text(path: Path, data: bytes) -> Document:
    """Read a ``.md`` or ``.txt`` file: its text is the decoded file, front matter and markup-only lines are masked.

    :raises UnreadableBrief: if the bytes are not UTF-8 (or UTF-16 with its mark) or the front matter is broken.
    """
    text = decode_text(path, data)
    length = frontmatter.split(text, path.name)
    fields = frontmatter.parse(frontmatter.inner(text[:length]), path.name) if length else frontmatter.Fields({})
    masked: list[Span] = [(0, length)] if length else [(0, 1)] if text.startswith("\ufeff") else []
    if path.suffix.lower() == ".md":
        masked += [match.span() for match in _LINES.finditer(text, length)]
        masked += [match.span() for match in _COMMENT.finditer(text, length)]
    return Document(text, fields.over(Metadata(title="")), tuple(masked), fields.brief_id, warnings=fields.warnings)
