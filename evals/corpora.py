"""Corpora that suites bring along, indexed once into a folder of temporary files named by what they hold."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from evals.cases import Suite
from index.build import Progress, build
from index.errors import CorpusError
from index.settings import Settings


def index_corpus(
    suite: Suite, settings: Settings, progress: Progress | None = None
) -> tuple[Settings, Mapping[str, str]]:
    """Settings whose index holds the suite's corpus, up to date; and the sources that cannot be read, with the reason.

    A suite without a corpus of its own uses that of ``settings``; where that folder is missing, the index as it is.

    :raises CorpusError: if the corpus cannot be used.
    :raises StoreError: if the index cannot be built.
    """
    if suite.corpus is None:
        if settings.corpus.is_dir():
            return settings, build(settings, progress).failed
        return settings, {}
    folder = _cache() / _key(suite)
    corpus = suite.corpus if isinstance(suite.corpus, Path) else _written(suite.corpus, folder / "corpus")
    own = settings.model_copy(update={"corpus": corpus, "store": folder / "store"})
    report = build(own, progress)
    if report.failed:
        source, reason = next(iter(report.failed.items()))
        raise CorpusError(f"{suite.path}: {len(report.failed)} of its briefs cannot be read, first {source}: {reason}")
    return own, {}


def _cache() -> Path:
    """A folder that only this user can read.

    :raises CorpusError: if somebody else made it.
    """
    folder = Path(tempfile.gettempdir()) / f"briefs-evals-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise CorpusError(f"{folder}: belongs to somebody else or is open to others; delete it or set TMPDIR")
    return folder


def _key(suite: Suite) -> str:
    digest = hashlib.sha256()
    for source, content in _contents(suite):
        digest.update(f"{source}\0{len(content)}\0".encode() + content)
    return f"{suite.name}-{digest.hexdigest()[:16]}"


def _contents(suite: Suite) -> Iterator[tuple[str, bytes]]:
    if isinstance(suite.corpus, Path):
        for path in sorted(path for path in suite.corpus.rglob("*") if path.is_file()):
            yield path.relative_to(suite.corpus).as_posix(), path.read_bytes()
    elif suite.corpus:
        for source, text in suite.corpus.items():
            yield source, text.encode()


def _written(texts: Mapping[str, str], corpus: Path) -> Path:
    """The folder ``corpus`` with one file a text, complete or not there at all."""
    if corpus.is_dir():
        return corpus
    partial = corpus.with_name(f"{corpus.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for source, text in texts.items():
        (partial / source).write_bytes(text.encode())
    try:
        partial.rename(corpus)
    except OSError:
        if not corpus.is_dir():
            raise
        shutil.rmtree(partial)
    return corpus
