"""Fit the directions to which the embedded embedder's token vectors are reduced before they are stored.

    python -m evals.projection CORPUS... [--write]

Principal components of the unit vectors of all tokens of the corpora's sentences. ``index/embedding/projection.npy`` was
fitted on the texts of the public sets of docs/ranking.md. Another projection makes other vectors: every index is built
again after it changed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.assembly import segment
from index.embedding.minilm import PROJECTION, TOKEN_DIMENSIONS, MiniLM
from index.lexical import Floats
from index.reading import iter_sources, read_brief
from index.settings import Settings


def fit_projection(vectors: Iterable[Floats], dimensions: int) -> tuple[Floats, float]:
    """The mean of the rows and then their first principal directions, shape (1 + dimensions, d), and the variance kept.

    Rows come in batches. Each direction points to where its largest component is positive, so that a fit can be repeated.
    """
    count = 0
    total: npt.NDArray[np.float64] = np.zeros(())
    products: npt.NDArray[np.float64] = np.zeros(())
    for batch in vectors:
        rows = batch.astype(np.float64)
        count += len(rows)
        total = total + rows.sum(axis=0)
        products = products + rows.T @ rows
    mean = total / count
    values, axes = np.linalg.eigh(products / count - np.outer(mean, mean))
    directions = axes[:, ::-1][:, :dimensions].T
    largest = directions[np.arange(dimensions), np.abs(directions).argmax(axis=1)]
    fitted = np.vstack([mean, directions * np.sign(largest)[:, None]])
    return fitted.astype(np.float32), float(values[::-1][:dimensions].sum() / values.sum())


def _token_vectors(corpus: Path, model: MiniLM) -> Iterator[npt.NDArray[np.float32]]:
    settings = Settings(corpus=corpus)
    for path in iter_sources(corpus)[0]:
        for passage in segment(read_brief(path, corpus, settings), settings.chunk_chars).passages:
            yield model.token_vectors(passage.text)


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, say how much variance is kept, and with ``--write`` replace the shipped projection."""
    parser = argparse.ArgumentParser(prog="python -m evals.projection", description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path, nargs="+", help="folder of texts")
    parser.add_argument("--write", action="store_true", help=f"replace {PROJECTION.name}")
    given = parser.parse_args(argv)
    model = MiniLM()
    batches = (rows for corpus in given.corpus for rows in _token_vectors(corpus, model))
    projection, kept = fit_projection(batches, TOKEN_DIMENSIONS)
    print(f"{TOKEN_DIMENSIONS} directions keep {kept:.1%} of the variance")
    if given.write:
        np.save(PROJECTION, projection.astype(np.float16))
        print(f"wrote {PROJECTION}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
