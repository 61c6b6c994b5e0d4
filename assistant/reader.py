"""Whether a passage answers a question or is only near its topic: cross-encoders that read the two together.

All other signals measure how alike the words are. These were trained on questions that the same texts answer and do not
answer (docs/reader.md says on what, how, and what they are worth). The small one costs a few milliseconds a passage, the
large one some twenty, which only questions that the small one leaves open have to pay.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assistant.sentences import sentence_text
from index.embedding.minilm import load_tokenizer, locate, open_session
from index.errors import SettingsError
from index.generation import Generation
from index.search import Evidence
from index.traits import NEVER_QUOTED

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer


class Reader(NamedTuple):
    """A cross-encoder. ``sha256`` is its file's: other weights would make other confidences than the calibration knows.

    It reads the passages around the likeliest sentences, three at most and ``tokens`` of each, until the log-odds of one are
    ``enough`` for the others to be left unread.
    """

    file: Path
    sha256: str
    tokens: int
    enough: float


_MODELS = Path(__file__).with_name("models")
QUICK = Reader(
    _MODELS / "reader.onnx", "409a232daa23c1cbb81f7ff66dbde1c498fae3a325a01d79eadc031c8c8061f3", tokens=64, enough=-1.5
)
CAREFUL = Reader(
    _MODELS / "careful_reader.onnx",
    "8f816e5586c4b99b6738ab3b29c54e63903ff3310fc3a7ebd6816f471b5aaf1d",
    tokens=80,
    enough=2.0,
)
PASSAGES = 3
"""Passages that are read, at most: those around the likeliest sentences."""
QUESTION, TITLE = 24, 8
"""Tokens of what is read for the question and the title, at most."""
NEIGHBOURS = 4
"""Sentences on either side of the likeliest one that may be read with it."""
_START, _END, _COLON = 101, 102, 1024


def read(reader: Reader, generation: Generation, evidence: Evidence) -> float:
    """The log-odds by ``reader`` that a passage answers the question, which has at least one candidate: of all read, the best.

    :raises SettingsError: if the model's file is missing or not the one that belongs to this version.
    """
    best = -np.inf
    for row in np.argsort(-evidence.sentence_score, kind="stable")[:PASSAGES]:
        passage = passage_around(generation, int(evidence.found.sentences[row]))
        best = max(best, log_odds(reader, evidence.query.searched, *passage))
        if best >= reader.enough:
            break
    return float(best)


def passage_around(generation: Generation, position: int) -> tuple[str, tuple[str, ...], int]:
    """The title of a sentence's brief, the sentence with its neighbours, and its place among them."""
    lines = generation.sentences

    def beside(step: int) -> list[int]:
        found: list[int] = []
        at = position + step
        while 0 <= at < len(lines) and len(found) < NEIGHBOURS:
            if lines.brief[at] != lines.brief[position] or lines.traits[at] & NEVER_QUOTED.value:
                break
            found.append(at)
            at += step
        return found

    before, after = beside(-1)[::-1], beside(1)
    title = generation.metadata(generation.brief_ids[lines.brief[position]]).title
    return title, tuple(sentence_text(generation, k) for k in (*before, position, *after)), len(before)


@lru_cache(maxsize=64)  # the parts of a question, and its newest brief, read some passages again
def log_odds(reader: Reader, question: str, title: str, sentences: tuple[str, ...], middle: int) -> float:
    """The log-odds that ``sentences`` answer ``question``, as many of them around the one at ``middle`` as there is room for."""
    ids, kinds = encoded(question, title, sentences, middle, reader.tokens)
    session, given = _session(reader), {"ids": ids, "types": kinds}
    # One passage at a time: in a batch the int8 arithmetic of one would depend on the others.
    output = session.run(None, {one.name: np.array([given[one.name]], np.int64) for one in session.get_inputs()})[0]
    return float(np.asarray(output)[0])


def encoded(
    question: str, title: str, sentences: Sequence[str], middle: int, tokens: int
) -> tuple[list[int], list[int]]:
    """What a network is given: the tokens of question and passage, so many at most, and which of the two each is of."""
    asked = _pieces(question)[:QUESTION]
    head = [*_pieces(title)[:TITLE], _COLON] if title.strip() else []
    room = tokens - 3 - len(asked)
    pieces = [_pieces(sentence) for sentence in sentences]
    first, last = _fitting(pieces, middle, room - len(head))
    body = [*head, *(token for sentence in pieces[first : last + 1] for token in sentence)][:room]
    ids = [_START, *asked, _END, *body, _END]
    return ids, [0] * (len(asked) + 2) + [1] * (len(body) + 1)


def _fitting(pieces: list[list[int]], middle: int, room: int) -> tuple[int, int]:
    """The first and last of the sentences around ``middle`` that fit whole into ``room`` tokens, taken from both sides in turn."""
    first = last = middle
    left = room - len(pieces[middle])
    grown = True
    while grown:
        grown = False
        if first > 0 and len(pieces[first - 1]) <= left:
            first -= 1
            left -= len(pieces[first])
            grown = True
        if last + 1 < len(pieces) and len(pieces[last + 1]) <= left:
            last += 1
            left -= len(pieces[last])
            grown = True
    return first, last


@lru_cache(maxsize=4096)
def _pieces(text: str) -> list[int]:
    ids: list[int] = _tokenizer().encode(text, add_special_tokens=False).ids
    return ids


@cache
def _tokenizer() -> Tokenizer:
    return load_tokenizer(locate("tokenizer"))


@cache
def _session(reader: Reader) -> InferenceSession:
    try:
        data = reader.file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"cannot read the reader's weights in {reader.file}: {error}; install the package again"
        ) from error
    if hashlib.sha256(data).hexdigest() != reader.sha256:
        raise SettingsError(f"{reader.file} is not the file that belongs to this version; install the package again")
    return open_session(data, len(os.sched_getaffinity(0)))
