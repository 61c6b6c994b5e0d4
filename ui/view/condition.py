"""Whether the index can answer and is as new as the corpus; if not, what to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from index.errors import BriefsError, CorpusError, StoreMissing
from index.generation import Generation
from index.reading import iter_sources


@dataclass(frozen=True, slots=True)
class Trouble:
    """``title`` says what is wrong, ``reason`` what was found, ``command`` what mends it."""

    title: str
    reason: str
    command: str = "briefs index"


def unusable(error: BriefsError, corpus: Path) -> Trouble:
    """Why nothing can be asked, from the error that opening the index raised."""
    command = next((part for part in str(error).split("`") if part.startswith("briefs ")), "briefs doctor")
    if not isinstance(error, StoreMissing):
        return Trouble("The index cannot be used", str(error).partition("; run ")[0], command)
    try:
        empty = not iter_sources(corpus)[0]
    except (CorpusError, OSError):
        empty = True
    if empty:
        return Trouble("There are no briefs yet", f"Put briefs into the folder {corpus} and index them.")
    return Trouble("The briefs are not indexed yet", str(error).partition("; run ")[0])


def stale(generation: Generation, corpus: Path) -> Trouble | None:
    """What changed in the corpus since the index was built, going by names and times of files; None if nothing."""
    if not corpus.is_dir():
        return None
    manifest = generation.manifest
    known = {entry.source for entry in manifest.briefs.values()} | set(manifest.failed) | set(manifest.ignored)
    built = manifest.built_at.timestamp()
    found = {path.relative_to(corpus).as_posix(): path for path in iter_sources(corpus)[0]}
    added = len(found.keys() - known)
    removed = len({entry.source for entry in manifest.briefs.values()} - found.keys())
    changed = sum(1 for source in found.keys() & known if found[source].stat().st_mtime > built)
    counts = ((added, "new"), (changed, "changed"), (removed, "removed"))
    if not any(count for count, _ in counts):
        return None
    what = ", ".join(f"{count} {word}" for count, word in counts if count)
    return Trouble(
        "The index is older than the briefs", f"Files since it was built: {what}. Answers do not know them yet."
    )


def explain(trouble: Trouble, then: str = "Run this, then come back:") -> None:
    """Instead of the page: what is wrong and the command that mends it."""
    with st.container(key="talk"), st.container(border=True, key="trouble"):
        st.header(trouble.title, anchor=False)
        st.text(trouble.reason)
        st.markdown(then)
        st.code(trouble.command, language=None)
        st.button("Try again", icon=":material/refresh:", type="primary")
