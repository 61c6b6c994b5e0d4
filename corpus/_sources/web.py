"""Masters as saved web pages and e-mails."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime, time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from string import Template

from masters import PUBLISHER, SOURCES, Block, Master, RenderError, splice_filler


def inline_html(text: str) -> str:
    """Escape a text and turn the web addresses in it into links."""
    return re.sub(
        r"https?://[^\s<]*[^\s<,.;:)]",
        lambda found: f'<a href="{found[0]}">{found[0]}</a>',
        html.escape(text, quote=False),
    )


def blocks_html(blocks: Iterable[Block]) -> str:
    """The blocks as HTML, one element a line."""
    out: list[str] = []
    for block in blocks:
        if block.kind == "list":
            out += ["<ul>", *(f"<li>{inline_html(item)}</li>" for item in block.lines), "</ul>"]
        elif block.kind == "table":
            cells = ["".join(f"<td>{inline_html(cell)}</td>" for cell in row) for row in block.rows]
            out += ["<table>", *(f"<tr>{row}</tr>" for row in cells), "</table>"]
        else:
            tag = "h2" if block.kind == "heading" else "p"
            out.append(f"<{tag}>{inline_html(block.lines[0])}</{tag}>")
    return "\n".join(out)


def blocks_text(blocks: Iterable[Block]) -> str:
    """The blocks as the plain text of a mail: underlined headings, dashes before list items."""
    out: list[str] = []
    for block in blocks:
        if block.kind == "heading":
            out.append(f"{block.lines[0]}\n{'-' * len(block.lines[0])}")
        elif block.kind == "list":
            out.append("\n".join(f"- {item}" for item in block.lines))
        elif block.kind == "table":
            out.append("\n".join(" | ".join(row) for row in block.rows))
        else:
            out.append(block.lines[0])
    return "\n\n".join(out)


def render_html(master: Master) -> bytes:
    """A saved web page: the blocks inside the template ``<id>.page``, with filler when ``<id>.filler`` exists."""
    blocks = master.blocks
    phrases = SOURCES / f"{master.id}.filler"
    if phrases.is_file():
        blocks = splice_filler(blocks, phrases.read_text(encoding="utf-8").splitlines())
    summary = next(block.lines[0] for block in master.blocks if block.kind == "paragraph")
    page = template(f"{master.id}.page").substitute(
        id=master.id,
        title=html.escape(master.title),
        description=html.escape(re.split(r"(?<=\.)\s", summary)[0]),
        keywords=html.escape(", ".join(master.meta["topics"])),
        published=master.published.isoformat(),
        day=master.day,
        article=blocks_html(blocks),
    )
    return page.encode("utf-8")


def mail_html(text: str) -> str:
    """Plain mail text around the body as HTML: paragraphs, with quoted lines in a block quotation."""
    out: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [html.escape(line.removeprefix(">").strip(), quote=False) for line in paragraph.splitlines()]
        joined = "<br>\n".join(lines)
        out.append(f"<blockquote>{joined}</blockquote>" if paragraph.startswith(">") else f"<p>{joined}</p>")
    return "\n".join(out)


def render_eml(master: Master) -> bytes:
    """A mail with a plain and an HTML part; the words around the body come from the template ``<id>.mail``."""
    head, tail = template(f"{master.id}.mail").template.split("$body\n")
    text = f"{head}{blocks_text(master.blocks)}\n{tail}"
    page = f"<html><body>\n{mail_html(head)}\n{blocks_html(master.blocks)}\n{mail_html(tail)}\n</body></html>\n"
    mail = EmailMessage(policy=SMTP.clone(linesep="\n"))
    mail["From"] = f"{PUBLISHER} <south-asia.desk@frontier-desk.example>"
    mail["To"] = "Regional Brief Readers <regional-briefs@frontier-desk.example>"
    mail["Subject"] = f"[Readout] {master.title}"
    mail["Date"] = format_datetime(datetime.combine(master.published, time(18, 40), UTC))
    mail["Message-ID"] = f"<{master.id}@frontier-desk.example>"
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(page, subtype="html", cte="quoted-printable")
    mail.set_boundary("=_frontier-desk-0001")
    return mail.as_bytes()


def template(name: str) -> Template:
    path = SOURCES / name
    if not path.is_file():
        raise RenderError(f"{path} is missing: this template is needed to render its master")
    return Template(path.read_text(encoding="utf-8"))
