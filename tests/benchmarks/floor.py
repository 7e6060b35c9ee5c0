"""What the machine itself allows: its speed, measured, and the operations that the work needs, counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.prefix_tree import Node, prefix_tree
from tests.benchmarks.work import Work

SIDE = 2048
ARRAY = 1 << 27


@dataclass(frozen=True)
class Machine:
    """Floating-point operations and bytes a core second, single precision, the best of several tries."""

    flops: float
    bandwidth: float


def machine() -> Machine:
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    array = torch.rand(ARRAY)
    return Machine(2 * SIDE**3 / _best(lambda: a @ b), 4 * ARRAY / _best(array.sum))


def _best(call: Any) -> float:
    times = []
    for _ in range(6):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


@dataclass(frozen=True)
class Needed:
    """Tokens of the prompts as they are, of their prefix tree, and of the replies; operations for the last two."""

    prompt: int
    tree: int
    reply: int
    flops: float

    def seconds(self, on: Machine) -> float:
        """The floor, in core seconds: the operations at the machine's peak."""
        return self.flops / on.flops


def needed(checkpoint: InProcessCheckpoint, work: Work, texts: list[str]) -> Needed:
    """Every distinct prefix is read once; every token of a reply but the last is read, and each is chosen."""
    prompts = [checkpoint.token_ids(conversation) for conversation in work.conversations()]
    replies = [len(checkpoint._tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    model = checkpoint._load_model()
    body = 2 * sum(m.weight.numel() for m in model.base_model.modules() if isinstance(m, torch.nn.Linear))
    head = 2 * model.get_output_embeddings().weight.numel()
    config = model.config
    # a query meets every key before it, and every value: 2 multiply-adds each
    meeting = 4 * config.num_hidden_layers * config.num_attention_heads * config.head_dim
    spans = [(node.start, node.end) for node in _nodes(prefix_tree(prompts, 1))]
    spans += [(len(p), len(p) + max(r - 1, 0)) for p, r in zip(prompts, replies, strict=True)]
    read = sum(end - start for start, end in spans)
    met = sum((end * (end + 1) - start * (start + 1)) // 2 for start, end in spans)
    tree = len({tuple(p[:end]) for p in prompts for end in range(1, len(p) + 1)})
    flops = float(body * read + head * sum(replies) + meeting * met)
    return Needed(sum(map(len, prompts)), tree, sum(replies), flops)


def _nodes(roots: list[Node]) -> list[Node]:
    found = list(roots)
    for node in found:
        found.extend(node.children)
    return found
