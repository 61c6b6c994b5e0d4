"""Wrong statements made from right ones by script, and how many of either kind the verification lets pass.

    python -m evals.mutations [--corpus DIR | --passages DIR | --written] [--json] [--thresholds] [--failures]

Right statements are sentences of briefs in other words (``evals.paraphrases``) with a quote of them. Each becomes
mutants that say something else: another number, date, name or speaker, a negation more or less, the subject of one
sentence with the predicate of another, two names exchanged, an addition, another source, an invented quote. Seeded, so
that the same corpus gives the same statements. ``--passages`` takes a folder with ``corpus/`` and ``questions.jsonl``,
of which the sentences that answer are used.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import yaml

from assistant.verification import Draft, Lexicon, Quoted, Similarity, Source, Verdict, verify
from assistant.verification.names import one_name
from assistant.verification.reading import Casing, Reading, Token, casing_of, read
from assistant.verification.support import THRESHOLD
from evals.paraphrases import MONTH, MONTHS, RULES, SAYS, SPELLED
from evals.passages import Passage, lexicon_of, read_corpus, read_passages
from index.embedding.minilm import MiniLM

WRITTEN = Path(__file__).with_name("suites") / "verification" / "statements.yaml"
"""Statements written by hand, on the project's own briefs."""
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
_LABELS = ("S1", "S2", "S3", "S4")
_ADDED = (
    ", which analysts called a turning point",
    ", and promised compensation to the families",
    ", despite warnings from its own intelligence service",
    ", in what diplomats saw as a breakthrough",
    " because of pressure from the opposition",
    ", which drew protests in several cities",
    ", although the decision was reversed a week later",
    " under a secret agreement with its neighbours",
)
_ANTONYMS = (
    ("accepted", "rejected"),
    ("agreed", "refused"),
    ("opened", "closed"),
    ("increased", "decreased"),
    ("rose", "fell"),
    ("confirmed", "denied"),
    ("allowed", "banned"),
    ("before", "after"),
    ("won", "lost"),
    ("supported", "opposed"),
    ("more", "less"),
)
_AUXILIARY = re.compile(r"\b(is|are|was|were|has|had|have|will|would|can|could|did|does|should)\b(?! not)", re.I)
_VERB = re.compile(r"\b(?:is|are|was|were|has|had|will|would|said|told|gave|put|held|met|made|took|\w{3,}ed)\b")
_SYMMETRIC = re.compile(r"(?:met|signed|exchanged|agreed|clashed|based|called|named|cited|quoted|reported)$")


@dataclass(frozen=True)
class Trial:
    """A statement to be verified. ``kind`` is the rule that made it; ``is_right`` whether it should be kept."""

    kind: str
    is_right: bool
    draft: Draft
    sources: tuple[Source, ...]


class Mutator:
    """Statements of a corpus, right and wrong; the same ``seed`` gives the same."""

    def __init__(self, passages: Sequence[Passage], lexicon: Lexicon, seed: int = 0) -> None:
        self.passages = [p for p in passages if p.chosen]
        self.lexicon = lexicon
        self.random = random.Random(seed)
        self.rules: dict[str, Callable[[str, Passage], str | None]] = {
            "number": self.other_number,
            "date": self.other_date,
            "name": self.other_name,
            "speaker": self.other_speaker,
            "negation": self.negated,
            "roles": self.exchanged,
            "addition": self.added,
        }

    def trials(self, per_passage: int) -> Iterator[Trial]:
        """Trials of ``per_passage`` sentences of each brief."""
        for passage in self.passages:
            for k in sorted(self.random.sample(passage.chosen, min(per_passage, len(passage.chosen)))):
                yield from self._of_sentence(passage, k)

    def _of_sentence(self, passage: Passage, k: int) -> Iterator[Trial]:
        sentence = passage.text(k)
        sources = self._sources(passage, k)
        quote = Quoted(next(s.label for s in sources if s.brief_id == passage.brief.id), self._quote(sentence))
        rights = {kind: text for kind, rule in RULES.items() if (text := rule(sentence))}
        for kind, text in rights.items():
            yield Trial(kind, True, Draft(text, (quote,)), sources)
        for kind, rule in self.rules.items():
            for right in (sentence, self.random.choice(list(rights.values()))):
                wrong = rule(right, passage)
                if wrong and wrong not in rights.values():
                    yield Trial(kind, False, Draft(wrong, (quote,)), sources)
                    break
        other = self.random.choice([source.label for source in sources if source.label != quote.label])
        yield Trial("source", False, Draft(sentence, (Quoted(other, quote.quote),)), sources)
        yield Trial("label", False, Draft(sentence, (Quoted("S7", quote.quote),)), sources)
        yield Trial("invented", False, Draft(sentence, (Quoted(quote.label, self._invented(quote.quote)),)), sources)
        yield from self._merged(passage, k, quote)

    def _sources(self, passage: Passage, k: int) -> tuple[Source, ...]:
        others = [p for p in self.passages if p is not passage]
        others = self.random.sample(others, min(len(others), len(_LABELS) - 1))
        pieces = [(passage, k), *((other, self.random.choice(other.chosen)) for other in others)]
        self.random.shuffle(pieces)
        return tuple(piece.source(label, at) for label, (piece, at) in zip(_LABELS, pieces, strict=False))

    def _quote(self, sentence: str) -> str:
        """The sentence, or a run of half its words when it is long."""
        words = sentence.split()
        if len(words) < 14:
            return sentence
        start = self.random.randrange(len(words) // 2)
        return " ".join(words[start : start + len(words) // 2])

    def _invented(self, quote: str) -> str:
        words = quote.split()
        longest = max(range(len(words)), key=lambda k: len(words[k]))
        words[longest] = "reportedly" if words[longest].lower() != "reportedly" else "allegedly"
        return " ".join(words)

    def other_number(self, text: str, _: Passage) -> str | None:
        """Another number in the place of one."""
        numbers = read(text).numbers
        if not numbers:
            return None
        number = self.random.choice(numbers)
        old = text[number.start : number.end]
        taken = {round(n.value, 6) for n in numbers}
        digits = re.search(r"\d[\d,.]*\d|\d", old)
        for _attempt in range(9):
            if digits:
                value = float(digits.group().replace(",", ""))
                changed = value + self.random.choice((-3, -2, -1, 1, 2, 5, 10, 40)) * max(1, round(value / 9))
                shown = f"{changed:,.2f}".rstrip("0").rstrip(".") if "." in digits.group() else f"{changed:,.0f}"
                new = old.replace(digits.group(), shown)
            else:
                new = self.random.choice(SPELLED[2:])
            read_back = read(new).numbers
            if read_back and read_back[0].value > 0 and round(read_back[0].value, 6) not in taken:
                return text[: number.start] + new + text[number.end :]
        return None

    def other_date(self, text: str, _: Passage) -> str | None:
        """Another day, month or year."""
        places = [*re.finditer(rf"\b\d{{1,2}}(?= (?:{MONTH}))|(?<=[a-z] )\b\d{{1,2}}(?=, \d{{4}})", text)]
        places += [*re.finditer(rf"\b(?:{MONTH})\b", text), *re.finditer(r"\b(?:1[5-9]|20)\d\d\b(?![,.]\d)", text)]
        if not places or not read(text).dates:
            return None
        place = self.random.choice(places)
        old = place.group()
        choices = MONTHS if old in MONTHS else [str(int(old) + n) for n in (-9, -4, -2, -1, 1, 2, 3, 7)]
        if old.isdigit() and len(old) < 3:
            choices = [day for day in choices if 1 <= int(day) <= 28]
        fresh = [choice for choice in choices if not re.search(rf"\b{choice}\b", text)]
        return text[: place.start()] + self.random.choice(fresh) + text[place.end() :] if fresh else None

    def other_name(self, text: str, passage: Passage) -> str | None:
        """Another name in the place of one: of the same brief or of another."""
        found = _name_runs(text, passage.casing)
        if not found:
            return None
        start, end, tokens = self.random.choice(found)
        pool = passage if self.random.random() < 0.5 else self.random.choice(self.passages)
        other = self._foreign_run(read(text, passage.casing), tokens, pool)
        return text[:start] + other + text[end:] if other else None

    def other_speaker(self, text: str, passage: Passage) -> str | None:
        """Another name of the same brief before "said" or after "according to"."""
        for start, end, tokens in _name_runs(text, passage.casing):
            if re.match(rf" (?:{SAYS})\b", text[end:]) or text[:start].lower().endswith("according to "):
                other = self._foreign_run(read(text, passage.casing), tokens, passage)
                return text[:start] + other + text[end:] if other else None
        return None

    def _foreign_run(self, reading: Reading, tokens: Sequence[Token], pool: Passage) -> str | None:
        """A name of ``pool`` that has nothing in common with ``tokens``, as it is written there."""
        for _attempt in range(12):
            sentence = pool.text(self.random.choice(pool.chosen))
            for start, end, others in _name_runs(sentence, pool.casing):
                held = any(one_name(a, b, self.lexicon) for a in reading.names for b in others)
                if not held and not any(one_name(a, b, self.lexicon) for a in tokens for b in others):
                    return sentence[start:end]
        return None

    def negated(self, text: str, _: Passage) -> str | None:
        """A negation put in or taken out, or a word turned into its opposite."""
        without = re.sub(r"\b(?:do|does|did) not\b|\bnever\b ?|\bnot\b ?|n't\b", "", text, count=1)
        if without != text:
            return " ".join(without.split())
        auxiliary = _AUXILIARY.search(text)
        if auxiliary:
            return f"{text[: auxiliary.end()]} not{text[auxiliary.end() :]}"
        for pair in (*_ANTONYMS, *((b, a) for a, b in _ANTONYMS)):
            if re.search(rf"\b{pair[0]}\b", text):
                return re.sub(rf"\b{pair[0]}\b", pair[1], text, count=1)
        return None

    def exchanged(self, text: str, passage: Passage) -> str | None:
        """Who acts and who is acted upon, exchanged: names on either side of one verb."""
        found = _name_runs(text, passage.casing)
        for (a, b, left), (c, d, right) in pairwise(found):
            between = text[b:c]
            verb = re.match(r"(?:['’]s? \w+)? (\w+(?:ed|d|t|ld|ck|ve)) (?:[a-z]+ ){0,3}$", between)
            if not verb or _SYMMETRIC.search(verb.group(1)) or re.search(r" (?:and|or|with) ", between):
                continue
            if not any(one_name(x, y, self.lexicon) for x in left for y in right):
                return text[:a] + text[c:d] + between + text[a:b] + text[d:]
        return None

    def added(self, text: str, passage: Passage) -> str | None:
        """Something more that no quote says: a phrase, or the predicate of another sentence."""
        body = text.rstrip(".")
        if self.random.random() < 0.5:
            return f"{body}{self.random.choice(_ADDED)}."
        other = self.random.choice(self.passages)
        parts = _subject(other.text(self.random.choice(other.chosen)), other.casing)
        return f"{body}, and {parts[1]}" if parts and other is not passage else None

    def _merged(self, passage: Passage, k: int, quote: Quoted) -> Iterator[Trial]:
        """The subject of this sentence with the predicate of one of another brief, both quoted."""
        ours = _subject(passage.text(k), passage.casing)
        other = self.random.choice([p for p in self.passages if p is not passage])
        at = self.random.choice(other.chosen)
        theirs = _subject(other.text(at), other.casing)
        if not ours or not theirs:
            return
        names = (read(f"x {part[0]}", casing_of(passage.brief.text, other.brief.text)).names for part in (ours, theirs))
        left, right = map(list, names)
        if (
            any(one_name(a, b, self.lexicon) for a in left for b in read(other.text(at), other.casing).names)
            or not right
        ):
            return
        sources = (passage.source(quote.label, k), other.source("S9", at))
        quotes = (quote, Quoted("S9", self._quote(other.text(at))))
        yield Trial("merged", False, Draft(f"{ours[0]} {theirs[1]}", quotes), sources)


def _name_runs(text: str, casing: Casing) -> list[tuple[int, int, list[Token]]]:
    """Names of one or more words, with their places; possessive endings left out."""
    found: list[tuple[int, int, list[Token]]] = []
    for token in read(text, casing).names:
        end = token.end - len(re.search(r"(?:['’]s?)?$", token.text).group())  # type: ignore[union-attr]
        if found and re.fullmatch(r"[ -]", text[found[-1][1] : token.start]):
            found[-1] = (found[-1][0], end, [*found[-1][2], token])
        else:
            found.append((token.start, end, [token]))
    return found


def _subject(text: str, casing: Casing) -> tuple[str, str] | None:
    """A sentence cut before its first verb, where a name and little else stands before it."""
    verb = _VERB.search(text)
    if verb is None or verb.start() < 3 or len(text[: verb.start()].split()) > 7 or "," in text[: verb.start()]:
        return None
    subject = text[: verb.start()].strip()
    return (
        (subject, text[verb.start() :]) if read(text, casing).names[:1] and read(f"x {subject}", casing).names else None
    )


def read_written(passages: Sequence[Passage]) -> list[Trial]:
    """The statements of ``WRITTEN``; ``passages`` are the project's own briefs."""
    by_id = {p.brief.id: p for p in passages}
    entries = yaml.safe_load(WRITTEN.read_text(encoding="utf-8"))
    sources = {
        brief_id: replace(by_id[brief_id].source(f"S{n}", 0), sentences=by_id[brief_id].sentences)
        for n, brief_id in enumerate(dict.fromkeys(b for entry in entries for b in entry["quotes"]), 1)
    }
    trials = []
    for entry in entries:
        quotes = tuple(Quoted(sources[b].label, quote) for b, found in entry["quotes"].items() for quote in found)
        given = tuple(sources.values())
        trials.append(Trial("written", True, Draft(entry["right"], quotes), given))
        trials += [Trial(kind, False, Draft(text, quotes), given) for kind, text in entry["wrong"].items()]
    return trials


@dataclass(frozen=True)
class Outcome:
    """A trial and what became of it."""

    trial: Trial
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Kept if it is right. Wrong: not kept, or cited from where the quote stands when only the source was wrong."""
        if self.trial.is_right or self.trial.kind == "source":
            return (self.verdict.status == "kept") == self.trial.is_right
        return self.verdict.status == "unsupported"


def run(
    trials: Sequence[Trial], lexicon: Lexicon, similarity: Similarity | None = None, threshold: float = THRESHOLD
) -> list[Outcome]:
    """Every trial with its verdict."""
    return [Outcome(trial, verify(trial.draft, trial.sources, lexicon, similarity, threshold)) for trial in trials]


def likeness() -> Similarity:
    """The cosine of two texts as the embedded embedder sees them."""
    embedder = MiniLM()
    vector = cache(embedder.embed_query)
    return lambda left, right: float(vector(left) @ vector(right))


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, dict[str, float]]]:
    """Shares by kind: of wrong statements caught, of right ones rejected."""
    table: dict[str, dict[str, dict[str, float]]] = {"caught": {}, "rejected": {}}
    for side, is_right in (("caught", False), ("rejected", True)):
        chosen = [outcome for outcome in outcomes if outcome.trial.is_right is is_right]
        for kind in (*sorted({outcome.trial.kind for outcome in chosen}), "all"):
            of_kind = [o.passed is not is_right for o in chosen if kind in (o.trial.kind, "all")]
            if of_kind:
                table[side][kind] = {"n": len(of_kind), "share": round(sum(of_kind) / len(of_kind), 4)}
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the shares for a corpus, for a folder of passages or for the statements written by hand."""
    options = _parser().parse_args(arguments)
    passages = read_passages(options.passages) if options.passages else read_corpus(options.corpus)
    lexicon = lexicon_of(passages)
    made = Mutator(passages, lexicon, options.seed).trials(options.per_passage)
    trials = read_written(passages) if options.written else list(made)
    similarity = None if options.words else likeness()
    if options.thresholds:
        for threshold in _THRESHOLDS:
            rows = summary(run(trials, lexicon, similarity, threshold))
            print(
                f"{threshold:.2f}  " + "  ".join(f"{side} {kinds['all']['share']:.3f}" for side, kinds in rows.items())
            )
        return 0
    outcomes = run(trials, lexicon, similarity)
    table = summary(outcomes)
    if options.json:
        print(json.dumps(table, indent=1))
        return 0
    for side, kinds in table.items():
        for kind, row in kinds.items():
            print(f"{side:8}  {kind:12} {row['n']:5.0f}  {row['share']:.3f}")
    for outcome in outcomes if options.failures else ():
        if not outcome.passed:
            verdict, trial = outcome.verdict, outcome.trial
            side = "right" if trial.is_right else "wrong"
            print(f"{side} {trial.kind}: {', '.join(verdict.reasons) or verdict.status}: {trial.draft.text}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.mutations", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), help="folder of briefs")
    parser.add_argument("--passages", type=Path, help="folder with corpus/ and questions.jsonl, instead of a corpus")
    parser.add_argument(
        "--written", action="store_true", help="the statements written by hand on the project's own briefs"
    )
    parser.add_argument("--per-passage", type=int, default=12, help="sentences of each brief")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--words", action="store_true", help="judge by words alone, without the embedder")
    parser.add_argument("--thresholds", action="store_true", help="shares at several thresholds of support")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--failures", action="store_true", help="list what went wrong")
    return parser


if __name__ == "__main__":
    sys.exit(main())
