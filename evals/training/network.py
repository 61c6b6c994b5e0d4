"""The networks that read question and passage together: the quick reader's and the careful one's.

Needs torch, which nothing else here does: ``pip install torch safetensors onnx``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from index.embedding.minilm import load_tokenizer, locate

WORDS, DROPOUT = 30522, 0.1


class Shape(NamedTuple):
    """What a network is made of. ``first`` is the position of the first token, ``inner`` the width between the halves of a layer.

    ``kinds`` is whether question and passage have vectors of their own; ``distances`` are the classes of distance between two
    tokens that each head weighs (0 for none), and ``tiny`` keeps the normalisation from dividing by zero.
    """

    layers: int
    heads: int
    width: int
    inner: int
    positions: int
    first: int
    kinds: bool
    distances: int
    tiny: float


MINILM = Shape(6, 12, 384, 1536, 512, 0, kinds=True, distances=0, tiny=1e-12)
"""all-MiniLM-L6-v2, a BERT (Devlin et al. 2019)."""
MPNET = Shape(12, 12, 768, 3072, 514, 2, kinds=False, distances=32, tiny=1e-5)
"""all-mpnet-base-v2 (Song et al. 2020); its distances are those of T5 (Raffel et al. 2020)."""
FARTHEST = 128
"""Tokens from which on all distances are one class."""


class Layer(nn.Module):
    """One transformer layer (Vaswani et al. 2017) with the normalisation after each part, as BERT has it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, width = shape.heads, shape.width
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, shape.inner), nn.Linear(shape.inner, width)
        self.after, self.last = nn.LayerNorm(width, eps=shape.tiny), nn.LayerNorm(width, eps=shape.tiny)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Shape (rows, tokens, width) to the same; ``mask`` is added to what each token sees of the others."""
        rows, tokens, width = x.shape
        q, k, v = self.qkv(x).view(rows, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(width // self.heads) + mask, dim=-1)
        seen = self.out((weights @ v).transpose(1, 2).reshape(rows, tokens, width))
        x = self.after(x + functional.dropout(seen, DROPOUT, self.training))
        grown = self.outer(functional.gelu(self.inner(x)))
        return self.last(x + functional.dropout(grown, DROPOUT, self.training))


class Network(nn.Module):
    """Token ids, their kinds (0 question, 1 passage) and which are no padding, to one log-odds a row and one a token.

    The first is that the passage answers, the others that a token is of the words which do: a second task that is learned
    along with the first.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.word, self.position = nn.Embedding(WORDS, shape.width), nn.Embedding(shape.positions, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=shape.tiny)
        if shape.kinds:
            self.kind = nn.Embedding(2, shape.width)
        if shape.distances:
            self.distance = nn.Embedding(shape.distances, shape.heads)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.answers, self.marks = nn.Linear(shape.width, 1), nn.Linear(shape.width, 1)

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor, used: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Shape (rows, tokens) each to (rows,) and (rows, tokens)."""
        tokens = ids.shape[1]
        x = self.word(ids) + self.position.weight[self.shape.first : self.shape.first + tokens]
        if self.shape.kinds:
            x = x + self.kind(kinds)
        x = functional.dropout(self.norm(x), DROPOUT, self.training)
        mask = (1 - used[:, None, None, :].to(x.dtype)) * -1e4
        if self.shape.distances:
            mask = mask + self.distance(distances(tokens, self.shape.distances)).permute(2, 0, 1)
        for layer in self.layers:
            x = layer(x, mask)
        return self.answers(x[:, 0]).squeeze(-1), self.marks(x).squeeze(-1)

    def keep(self, layers: int, frozen: int) -> None:
        """Drop all but the first ``layers``; leave the word vectors as they are, and what is below the ``frozen`` lowest layers.

        With none frozen, only the word vectors.
        """
        self.layers = self.layers[:layers]
        still = [self.word, *([self.position, self.norm, *self.layers[:frozen]] if frozen else ())]
        for part in self.children():
            part.requires_grad_(requires_grad=True)
        for part in still:
            part.requires_grad_(requires_grad=False)


def distances(tokens: int, classes: int) -> torch.Tensor:
    """The class of the distance from each token to each, shape (tokens, tokens): half of the classes for either direction.

    The nearer half of these are single distances, the farther ones logarithmic up to ``FARTHEST``.
    """
    places = torch.arange(tokens)
    ahead = places[None, :] - places[:, None]
    side, near = classes // 2, classes // 4
    away = ahead.abs()
    grown = torch.log(away.clamp(min=1).float() / near) / math.log(FARTHEST / near) * (side - near)
    far = (near + grown.long()).clamp(max=side - 1)
    return torch.where(away < near, away, far) + side * (ahead > 0).long()


def from_minilm(file: Path) -> Network:
    """The network with the weights of all-MiniLM-L6-v2 (``model.safetensors``, float32); its outputs start at random."""
    from safetensors.torch import load_file

    given = {name.removeprefix("bert."): value for name, value in load_file(file).items()}
    names = {"qkv": ("self.query", "self.key", "self.value"), "out": "output.dense", "after": "output.LayerNorm"}
    network = _with(MINILM, given, names)
    network.kind.weight.data.copy_(given["embeddings.token_type_embeddings.weight"])
    return network


def from_mpnet(folder: Path) -> Network:
    """The network with the weights of all-mpnet-base-v2 (``model.safetensors``, ``vocab.txt``); its outputs start at random.

    It takes the token ids of the embedded model, all of whose words MPNet knows too; what starts and ends a text has another
    name there.
    """
    from safetensors.torch import load_file

    words: dict[str, int] = load_tokenizer(locate("tokenizer")).get_vocab()
    given = load_file(folder / "model.safetensors")
    rows = {token: row for row, token in enumerate((folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))}
    theirs = rows | {"[CLS]": rows["<s>"], "[SEP]": rows["</s>"]}
    order = torch.tensor([theirs[token] for token in sorted(words, key=words.__getitem__)])
    given["embeddings.word_embeddings.weight"] = given["embeddings.word_embeddings.weight"][order]
    network = _with(MPNET, given, {"qkv": ("attn.q", "attn.k", "attn.v"), "out": "attn.o", "after": "LayerNorm"})
    network.distance.weight.data.copy_(given["encoder.relative_attention_bias.weight"])
    return network


def _with(shape: Shape, given: dict[str, torch.Tensor], names: dict[str, Any]) -> Network:
    """A network with the weights ``given``; ``names`` are what the parts of its attention are called there."""
    network = Network(shape)
    state = network.state_dict()
    for own, name in (("word", "word_embeddings"), ("position", "position_embeddings"), ("norm", "LayerNorm")):
        _take(state, own, given, f"embeddings.{name}")
    for k in range(shape.layers):
        theirs, mine = f"encoder.layer.{k}", f"layers.{k}"
        for part in ("weight", "bias"):
            three = [given[f"{theirs}.attention.{name}.{part}"] for name in names["qkv"]]
            state[f"{mine}.qkv.{part}"] = torch.cat(three)
        _take(state, f"{mine}.out", given, f"{theirs}.attention.{names['out']}")
        _take(state, f"{mine}.after", given, f"{theirs}.attention.{names['after']}")
        _take(state, f"{mine}.inner", given, f"{theirs}.intermediate.dense")
        _take(state, f"{mine}.outer", given, f"{theirs}.output.dense")
        _take(state, f"{mine}.last", given, f"{theirs}.output.LayerNorm")
    network.load_state_dict(state)
    return network


def _take(state: dict[str, Any], own: str, given: dict[str, torch.Tensor], name: str) -> None:
    for part in ("weight", "bias"):
        if f"{own}.{part}" in state:
            state[f"{own}.{part}"] = given[f"{name}.{part}"]


class _Unpadded(nn.Module):
    """The network on one row without padding, which is all that the assistant asks of it."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """Shape (1, tokens) to (1,)."""
        odds: torch.Tensor = self.network(ids, kinds, torch.ones_like(ids))[0]
        return odds


def export(network: Network, path: Path) -> None:
    """Write the network as ONNX with int8 weights (dynamic quantisation, one scale a channel)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = path.with_suffix(".float32.onnx")
    example = torch.ones(1, 40, dtype=torch.long)
    axes = {"ids": {1: "tokens"}, "types": {1: "tokens"}}
    torch.onnx.export(
        _Unpadded(network).eval(),
        (example, torch.zeros_like(example)),
        str(whole),
        input_names=["ids", "types"],
        output_names=["log_odds"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(
        str(whole), str(path), weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gather"]
    )
    whole.unlink()
