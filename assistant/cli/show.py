"""``briefs show`` and ``briefs extract``: what is known of one brief, indexed or not."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from assistant.cli.terminal import print_json, styled, wrapped
from index.errors import BriefsError
from index.generation import Generation, open_current
from index.reading import extraction_json, read_file
from index.settings import Settings, load_settings
from index.types import Brief, Extraction

SUGGESTIONS = 3


def run(options: Namespace) -> int:
    """Show a brief of the index: its metadata, or with ``--text`` its canonical text, character for character."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    generation = open_current(settings)
    brief = find_brief(generation, options.source, settings)
    if options.json:
        print_json(_brief_json(generation, brief, with_text=options.text))
    elif options.text:
        sys.stdout.write(brief.text)
    else:
        same = next((group for group in generation.manifest.near_duplicates if brief.id in group), ())
        facts = {"id": brief.id, **_metadata(brief), "nearly the same": [other for other in same if other != brief.id]}
        _print_facts(brief.metadata.title, facts)
    return 0


def extract(options: Namespace) -> int:
    """Show what the reader makes of a file: its metadata, then the text that can be quoted."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    extraction = read_file(options.file, settings)
    found = extraction_json(extraction, str(options.file))
    if options.json:
        print_json(found)
        return 0
    _print_facts(extraction.metadata.title, {**_known(found), "warnings": list(extraction.warnings)})
    for start, end in extraction.body:
        print(f"\n{extraction.text[start:end].strip()}")
    return 0


def find_brief(generation: Generation, name: str, settings: Settings) -> Brief:
    """The brief with this id, source, path, or file name if only one has it.

    :raises BriefsError: naming the nearest ones, if there is no such brief.
    """
    sources = {entry.source: brief_id for brief_id, entry in generation.manifest.briefs.items()}
    ids = dict.fromkeys(generation.brief_ids)
    path = Path(name)
    if path.resolve().is_relative_to(settings.corpus.resolve()):
        name = path.resolve().relative_to(settings.corpus.resolve()).as_posix()
    if name in ids or name in sources:
        return generation.brief(name if name in ids else sources[name])
    named = [brief_id for source, brief_id in sources.items() if path.name in (Path(source).name, Path(source).stem)]
    if len(named) == 1:
        return generation.brief(named[0])
    close = get_close_matches(name, [*sources, *ids], SUGGESTIONS, cutoff=0.4)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; `briefs search` finds briefs by what they say"
    raise BriefsError(f"no brief {name!r} among the {len(sources)} of the index{hint}")


def _brief_json(generation: Generation, brief: Brief, *, with_text: bool) -> dict[str, Any]:
    extraction = Extraction(brief.text, brief.body, brief.metadata, brief.id, brief.pages, brief.warnings)
    found = {"id": brief.id, **extraction_json(extraction, brief.source), "sha256": brief.sha256}
    if not with_text:
        del found["text"]
    return {**found, "characters": len(brief.text), "generation": generation.id}


def _metadata(brief: Brief) -> dict[str, Any]:
    extraction = Extraction(brief.text, brief.body, brief.metadata, brief.id, brief.pages, brief.warnings)
    return {**_known(extraction_json(extraction, brief.source)), "warnings": list(brief.warnings)}


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    """The source, what the metadata say but for the title, and how much text there is."""
    said = {key: value for key, value in found["metadata"].items() if key != "title"}
    quotable = sum(end - start for start, end in found["body"])
    size = f"{len(found['text']):,} characters, {quotable:,} of them quotable"
    return {"source": found["source"], **said, "pages": len(found["pages"]) or None, "text": size}


def _print_facts(title: str, facts: Mapping[str, Any]) -> None:
    print(styled(title, "bold"))
    for name, value in facts.items():
        values = value if isinstance(value, list) else [value] if value else []
        for k, one in enumerate(values):
            label = name.replace("_", " ") if k == 0 else ""
            print(wrapped(str(one), indent=" " * 18, first=f"  {label:15} "))
