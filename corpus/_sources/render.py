"""Render the Markdown masters in this folder into the formats that briefs also arrive in.

    python corpus/_sources/render.py            write corpus/<id>.<ext> and its metadata sidecar
    python corpus/_sources/render.py --check    write nothing; exit 1 if a rendered file is missing or differs

Every output is the same byte for byte on every run: dates come from the front matter, and nothing is compressed,
so that the result does not depend on the zlib at hand. Needs PyYAML, reportlab and python-docx.

Beside a master may lie ``<id>.page`` or ``<id>.mail`` (the web page or mail around the text) and ``<id>.filler``
(search-engine phrases, one a line, that such pages push into their text).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from masters import SOURCES, Master, RenderError, read_master
from office import render_docx, render_pdf
from web import render_eml, render_html

CORPUS = SOURCES.parent
FORMATS = {
    "path-forward-assessment-2025-12-07": "html",
    "crossings-closed-two-weeks-2025-10-25": "html",
    "doha-ceasefire-readout-2025-10-19": "eml",
    "azm-e-istehkam-2026-02-01": "docx",
    "ttp-and-un-monitors-2026-02-12": "pdf",
}
RENDERERS: dict[str, Callable[[Master], bytes]] = {
    "html": render_html,
    "eml": render_eml,
    "docx": render_docx,
    "pdf": render_pdf,
}


def outputs() -> Iterator[tuple[Path, bytes]]:
    """Every file this script owns with the bytes it should hold: each rendered brief and its sidecar."""
    for brief_id, ext in FORMATS.items():
        master = read_master(brief_id)
        yield CORPUS / f"{brief_id}.{ext}", RENDERERS[ext](master)
        yield CORPUS / f"{brief_id}.{ext}.yaml", master.front.encode("utf-8")


def main() -> int:
    """Run the command; returns the exit code: 0 done, 1 a check failed, 2 a master or template is unusable."""
    parser = argparse.ArgumentParser(description="Render the Markdown masters into PDF, DOCX, EML and HTML briefs.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is missing or differs")
    check = parser.parse_args().check
    differing = 0
    try:
        for path, wanted in outputs():
            if path.is_file() and path.read_bytes() == wanted:
                continue
            differing += 1
            print(f"{'differs' if check else 'written'}: {path.relative_to(CORPUS)}")
            if not check:
                path.write_bytes(wanted)
    except RenderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if check and differing:
        print(f"{differing} rendered file(s) differ from their masters: run python corpus/_sources/render.py")
        return 1
    if not differing:
        print("all rendered files match their masters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
