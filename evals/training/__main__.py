"""Train one of the readers and write it as int8 ONNX.

    python -m evals.training quick --base model.safetensors --squad a.json b.json --news ground-truth.json
        --questions evals/training/questions.jsonl --invented evals/training/texts.jsonl --out reader.onnx
    python -m evals.training careful --base all-mpnet-base-v2 … --out careful_reader.onnx

On pairs from reading sets and on written questions, in the stages of ``RECIPES``. What is written is the mean of the last
weights. Progress and held-out figures (a tenth of the texts) go to stderr. Two to three hours on two cores.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from assistant.reader import CAREFUL, QUICK
from evals.training.examples import Example, of_reading_sets, of_written_questions, texts_of, title_of
from evals.training.network import Network, export, from_minilm, from_mpnet

SORTED = 50
"""Batches over which examples are sorted by length before they are put together."""
HINT, RARE = 0.5, 5.0
"""What the second task counts beside the first, and in it a token that is of the words which answer beside one that is not."""
SEED = 1


class Stage(NamedTuple):
    """``passes`` over the written questions with so many ``pairs`` mixed into each; without passes the pairs alone, once.

    ``rate`` rises over the first 6 % of the batches and then falls to almost nothing. ``others`` is the share of passages that
    do not answer which are read. Only the first ``layers`` of the network are left, and the lowest ``frozen`` of them, with
    what is below, stay as they are; the word vectors always do.
    """

    rate: float
    passes: int
    pairs: int
    layers: int
    frozen: int = 0
    others: float = 1.0


class Recipe(NamedTuple):
    """How a network is made: what it starts from, the tokens of a passage, the examples of a batch, its stages.

    ``kept`` is the share of the mean weights that each step leaves as they are (an exponential moving average).
    """

    start: Callable[[Path], Network]
    tokens: int
    batch: int
    kept: float
    stages: tuple[Stage, ...]


RECIPES = {
    "quick": Recipe(from_minilm, QUICK.tokens, 32, 0.998, (Stage(8e-5, 0, 100_000, 6), Stage(4e-5, 3, 10_000, 6))),
    "careful": Recipe(
        from_mpnet,
        CAREFUL.tokens,
        16,
        0.99,
        (Stage(3e-5, 1, 7_000, 12, frozen=4, others=0.35), Stage(2e-5, 1, 4_000, 10, frozen=3, others=0.35)),
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Train stage by stage and write the model."""
    parser = argparse.ArgumentParser(prog="python -m evals.training", description=__doc__.split("\n")[0])
    parser.add_argument("reader", choices=RECIPES, help="which of the two")
    parser.add_argument("--base", type=Path, required=True, help="float32 weights: a file, or the folder of MPNet")
    parser.add_argument("--squad", type=Path, nargs="+", required=True, help="files in the format of SQuAD 2.0")
    parser.add_argument("--without", nargs="*", default=[], help="titles of articles to leave out")
    parser.add_argument("--questions", type=Path, required=True, help="written questions, JSON lines")
    parser.add_argument("--news", type=Path, required=True, help="ground-truth.json of article-extraction-benchmark")
    parser.add_argument("--invented", type=Path, required=True, help="the invented texts, JSON lines")
    parser.add_argument("--out", type=Path, required=True, help="where the model is written")
    given = parser.parse_args(argv)
    recipe, chance = RECIPES[given.reader], random.Random(SEED)
    torch.manual_seed(SEED)
    pairs = list(of_reading_sets(given.squad, frozenset(given.without), recipe.tokens, chance))
    chance.shuffle(pairs)
    written, unseen = _written(given, recipe.tokens, chance)
    network = recipe.start(given.base)
    for stage in recipe.stages:
        network.keep(stage.layers, stage.frozen)
        network = _train(network, _epochs(stage, written, pairs, chance), recipe, stage.rate, chance)
        _report(network, unseen)
    export(network, given.out)
    print(f"wrote {given.out}", file=sys.stderr)
    return 0


def _written(given: argparse.Namespace, tokens: int, chance: random.Random) -> tuple[list[Example], list[Example]]:
    """The examples of the written questions, and those of a tenth of the texts apart, which nothing is trained on."""
    asked = {json.loads(line)["text"] for line in given.questions.read_text(encoding="utf-8").splitlines()}
    texts = {
        name: text
        for name, text in texts_of(given.squad, given.news, given.invented).items()
        if name in asked and title_of(name) not in given.without
    }
    held = frozenset(chance.sample(sorted(texts), len(texts) // 10))
    with tempfile.TemporaryDirectory() as folder:
        examples = list(of_written_questions(given.questions, texts, tokens, Path(folder)))
    return [one for text, one in examples if text not in held], [one for text, one in examples if text in held]


def _epochs(
    stage: Stage, written: Sequence[Example], pairs: Sequence[Example], chance: random.Random
) -> list[list[Example]]:
    mixed = [chance.sample(pairs, min(stage.pairs, len(pairs))) for _ in range(max(stage.passes, 1))]
    if not stage.passes:
        return mixed
    return [[*(one for one in written if one.answers or chance.random() < stage.others), *some] for some in mixed]


def _train(
    network: Network, epochs: Sequence[Sequence[Example]], recipe: Recipe, rate: float, chance: random.Random
) -> Network:
    """AdamW in bfloat16; the mean of the weights is what is returned."""
    free = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(free, rate, weight_decay=0.02)
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.kept))
    batches = [batch for examples in epochs for batch in _batches(examples, recipe.batch, chance)]
    network.train()
    for step, batch in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / (0.06 * len(batches))) * max(0.03, 1 - step / len(batches))
        loss = _loss(network, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
        mean.update_parameters(network)
        if step % 100 == 0:
            print(f"{step:6} of {len(batches)} batches, loss {loss.item():.3f}", file=sys.stderr)
    trained: Network = mean.module
    return trained


def _loss(network: Network, batch: Sequence[Example]) -> torch.Tensor:
    """Binary cross-entropy of whether a passage answers, and beside it of which of its tokens do."""
    ids, kinds, used = _padded(batch)
    with torch.autocast("cpu", torch.bfloat16):
        odds, marked = network(ids, kinds, used)
    loss = functional.binary_cross_entropy_with_logits(odds.float(), torch.tensor([one.answers for one in batch]))
    marks = torch.zeros(ids.shape)
    weight = (kinds * used).float()
    for row, one in enumerate(batch):
        marks[row, : len(one.marks)] = torch.tensor(one.marks)
        weight[row] *= bool(one.marks)
    if not weight.any():
        return loss
    weight *= 1 + (RARE - 1) * marks
    hint = functional.binary_cross_entropy_with_logits(marked.float(), marks, weight=weight, reduction="sum")
    return loss + HINT * hint / weight.sum()


def _batches(examples: Sequence[Example], size: int, chance: random.Random) -> list[list[Example]]:
    """Batches of ``size`` examples of like length, in random order."""
    mixed = chance.sample(list(examples), len(examples))
    found = []
    for start in range(0, len(mixed), size * SORTED):
        near = sorted(mixed[start : start + size * SORTED], key=lambda example: len(example.ids))
        found += [near[k : k + size] for k in range(0, len(near), size)]
    chance.shuffle(found)
    return found


def _padded(batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(example.ids) for example in batch)
    rows = [(e.ids, e.kinds, [1] * len(e.ids), [0] * (longest - len(e.ids))) for e in batch]
    columns = ([[*row[k], *row[3]] for row in rows] for k in range(3))
    ids, kinds, used = (torch.tensor(column) for column in columns)
    return ids, kinds, used


def _report(network: Network, examples: Sequence[Example]) -> None:
    """Print how often a passage that answers is rated above one that does not (AUROC)."""
    from sklearn.metrics import roc_auc_score

    network.eval()
    with torch.no_grad():
        odds = [float(network(*_padded([example]))[0]) for example in examples]
    figure = roc_auc_score([example.answers for example in examples], odds)
    print(f"passages of {len(examples)} held out: AUROC {figure:.3f}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
