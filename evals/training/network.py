"""The reader's network: the embedded model's six layers, reading question and passage together, and one output.

Needs torch, which nothing else here does: ``pip install torch safetensors onnx``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

LAYERS, HEADS, WIDTH, INNER = 6, 12, 384, 1536
TOKEN_KINDS, POSITIONS, WORDS = 2, 512, 30522
DROPOUT, TINY = 0.1, 1e-12


class Layer(nn.Module):
    """One transformer layer (Vaswani et al. 2017) with the normalisation after each part, as BERT has it."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.after, self.last = nn.LayerNorm(WIDTH, eps=TINY), nn.LayerNorm(WIDTH, eps=TINY)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Shape (rows, tokens, width) to the same; ``mask`` is added to what each token sees of the others."""
        rows, tokens, _ = x.shape
        q, k, v = self.qkv(x).view(rows, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask, dim=-1)
        seen = self.out((weights @ v).transpose(1, 2).reshape(rows, tokens, WIDTH))
        x = self.after(x + functional.dropout(seen, DROPOUT, self.training))
        grown = self.outer(functional.gelu(self.inner(x)))
        return self.last(x + functional.dropout(grown, DROPOUT, self.training))


class Network(nn.Module):
    """Token ids, their kinds (0 question, 1 passage) and which are no padding, to one log-odds a row and one a token.

    The first is that the passage answers, the others that a token is of the words which do: a second task that is learned
    along with the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.word, self.position = nn.Embedding(WORDS, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.kind, self.norm = nn.Embedding(TOKEN_KINDS, WIDTH), nn.LayerNorm(WIDTH, eps=TINY)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.answers, self.marks = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, 1)

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor, used: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Shape (rows, tokens) each to (rows,) and (rows, tokens)."""
        x = self.norm(self.word(ids) + self.position.weight[: ids.shape[1]] + self.kind(kinds))
        x = functional.dropout(x, DROPOUT, self.training)
        mask = (1 - used[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers:
            x = layer(x, mask)
        return self.answers(x[:, 0]).squeeze(-1), self.marks(x).squeeze(-1)


def from_embedder(path: Path) -> Network:
    """The network with the weights of all-MiniLM-L6-v2 (``model.safetensors``, float32); its outputs start at random."""
    from safetensors.torch import load_file

    given = {name.removeprefix("bert."): value for name, value in load_file(path).items()}
    network = Network()
    state = network.state_dict()
    for own, name in (
        ("word", "word_embeddings"),
        ("position", "position_embeddings"),
        ("kind", "token_type_embeddings"),
    ):
        state[f"{own}.weight"] = given[f"embeddings.{name}.weight"]
    _take(state, "norm", given, "embeddings.LayerNorm")
    for k in range(LAYERS):
        theirs, mine = f"encoder.layer.{k}", f"layers.{k}"
        for part in ("weight", "bias"):
            three = [given[f"{theirs}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{mine}.qkv.{part}"] = torch.cat(three)
        _take(state, f"{mine}.out", given, f"{theirs}.attention.output.dense")
        _take(state, f"{mine}.after", given, f"{theirs}.attention.output.LayerNorm")
        _take(state, f"{mine}.inner", given, f"{theirs}.intermediate.dense")
        _take(state, f"{mine}.outer", given, f"{theirs}.output.dense")
        _take(state, f"{mine}.last", given, f"{theirs}.output.LayerNorm")
    network.load_state_dict(state)
    return network


def _take(state: dict[str, Any], own: str, given: dict[str, Any], name: str) -> None:
    for part in ("weight", "bias"):
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
