"""Train the reader and write it as int8 ONNX.

    python -m evals.training --base model.safetensors --squad a.json b.json --questions evals/training/questions.jsonl
        --invented evals/training/texts.jsonl --news ground-truth.json --out reader.onnx

First on pairs from reading sets, then on the written questions with some pairs mixed in. What is written is the mean of the
last weights. Progress and held-out figures (a tenth of the texts) go to stderr. About three hours on two cores.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from evals.training.examples import Example, of_reading_sets, of_written_questions, texts_of, title_of
from evals.training.network import Network, export, from_embedder

BATCH, SORTED = 32, 50
"""Examples of a batch, and batches over which examples are sorted by length before they are put together."""
PAIRS_RATE, QUESTIONS_RATE = 8e-5, 4e-5
"""Learning rates of the two stages; each rises over its first 6 % and then falls to almost nothing."""
EPOCHS, MIXED = 3, 10_000
"""Passes over the written questions, and pairs that are mixed into each."""
HINT, RARE = 0.5, 5.0
"""What the second task counts beside the first, and in it a token that is of the words which answer beside one that is not."""
KEPT = 0.998
"""Share of the mean weights that each step leaves as they are (an exponential moving average)."""
SEED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Train in two stages and write the model."""
    parser = argparse.ArgumentParser(prog="python -m evals.training", description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="all-MiniLM-L6-v2 in float32, safetensors")
    parser.add_argument("--squad", type=Path, nargs="+", required=True, help="files in the format of SQuAD 2.0")
    parser.add_argument("--without", nargs="*", default=[], help="titles of articles to leave out")
    parser.add_argument("--questions", type=Path, required=True, help="written questions, JSON lines")
    parser.add_argument("--news", type=Path, required=True, help="ground-truth.json of article-extraction-benchmark")
    parser.add_argument("--invented", type=Path, required=True, help="the invented texts, JSON lines")
    parser.add_argument("--pairs", type=int, default=100_000, help="pairs of the first stage, at most")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="passes over the written questions")
    parser.add_argument("--out", type=Path, required=True, help="where the model is written")
    given = parser.parse_args(argv)
    chance = random.Random(SEED)
    torch.manual_seed(SEED)
    pairs = list(of_reading_sets(given.squad, frozenset(given.without), chance))
    chance.shuffle(pairs)
    asked = {json.loads(line)["text"] for line in given.questions.read_text(encoding="utf-8").splitlines()}
    texts = {
        name: text
        for name, text in texts_of(given.squad, given.news, given.invented).items()
        if name in asked and title_of(name) not in given.without
    }
    held = frozenset(chance.sample(sorted(texts), len(texts) // 10))
    network = from_embedder(given.base)
    network.word.weight.requires_grad_(requires_grad=False)
    with tempfile.TemporaryDirectory() as folder:
        examples = list(of_written_questions(given.questions, texts, Path(folder)))
    written = [example for text, example in examples if text not in held]
    unseen = [example for text, example in examples if text in held]
    network = _train(network, [pairs[: given.pairs]], PAIRS_RATE, chance)
    _report(network, unseen)
    mixed = [[*written, *chance.sample(pairs, min(MIXED, len(pairs)))] for _ in range(given.epochs)]
    network = _train(network, mixed, QUESTIONS_RATE, chance)
    _report(network, unseen)
    export(network, given.out)
    print(f"wrote {given.out}", file=sys.stderr)
    return 0


def _train(network: Network, epochs: Sequence[Sequence[Example]], rate: float, chance: random.Random) -> Network:
    """AdamW in bfloat16, the word vectors staying as they are; the mean of the weights is what is returned."""
    free = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(free, rate, weight_decay=0.02)
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(KEPT))
    batches = [batch for examples in epochs for batch in _batches(examples, chance)]
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


def _batches(examples: Sequence[Example], chance: random.Random) -> list[list[Example]]:
    """Batches of examples of like length, in random order."""
    mixed = chance.sample(list(examples), len(examples))
    found = []
    for start in range(0, len(mixed), BATCH * SORTED):
        near = sorted(mixed[start : start + BATCH * SORTED], key=lambda example: len(example.ids))
        found += [near[k : k + BATCH] for k in range(0, len(near), BATCH)]
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
