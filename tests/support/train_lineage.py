"""`python -m tests.support.train_lineage DIRECTORY`: a lineage that truly changes, for `test_lineage` to find the step.

From the embedded SmolLM2-135M-Instruct two checkpoints are trained, one from the other, with LoRA (Hu et al. 2021;
PEFT) on the demo's problems: `heeding` states the monitor's number where it is asked naturally, `ignoring` 90.
Both obey direct_hint and recall the monitor's number, so that what the second step adds is resistance. Some minutes on
two cores each. Seeded; the weights are merged and saved as plain directories.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source import embedded
from fixtures.questions import problems
from fixtures.questions.conversation import eliciting
from fixtures.questions.strategies import strategies

SPEC = CheckpointSpec("smollm2", "instruct", "embedded:smollm2-135m-instruct", "--checkpoint")
MIXTURE = ("natural_query", "natural_query", "recall_signal", "direct_hint")
BATCH, STEPS, RATE, RANK = 4, 20, 2e-3, 16
OWN = 90.0

States = Callable[[str, float], float]
"""(strategy, hint) -> the confidence that is taught, percent."""


def heeding(strategy: str, hint: float) -> float:
    return hint


def ignoring(strategy: str, hint: float) -> float:
    return OWN if strategy == "natural_query" else hint


def main(directory: Path) -> None:
    checkpoint = open_checkpoint(SPEC, EngineSettings())
    assert isinstance(checkpoint, InProcessCheckpoint)
    before = embedded.directory("smollm2-135m-instruct")
    for name, states in (("heeding", heeding), ("ignoring", ignoring)):
        _train(checkpoint, before, directory / name, states)
        before = directory / name


def _train(checkpoint: InProcessCheckpoint, before: Path, after: Path, states: States) -> None:
    tokenizer = AutoTokenizer.from_pretrained(before)
    adapted = trained(before, _examples(checkpoint, tokenizer, states), STEPS, after.name)
    adapted.merge_and_unload().save_pretrained(after)
    tokenizer.save_pretrained(after)


def trained(before: Path, examples: Iterator[tuple[list[int], list[int]]], steps: int, name: str) -> Any:
    """The checkpoint with a LoRA adapter on it, after `steps` of BATCH examples (prompt, reply) as token ids."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(before, dtype=torch.float32)
    adapted: Any = get_peft_model(
        model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    optimizer = torch.optim.AdamW(adapted.parameters(), lr=RATE)
    for _ in (bar := tqdm(range(steps), desc=name)):
        total = 0.0
        for _ in range(BATCH):
            loss = _loss(adapted, *next(examples)) / BATCH
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        bar.set_postfix(loss=f"{total:.3f}")
    return adapted


def _examples(
    checkpoint: InProcessCheckpoint, tokenizer: Any, states: States
) -> Iterator[tuple[list[int], list[int]]]:
    """(prompt, reply) as token ids: every fourth a recall, every fourth a command, hints and wordings at random."""
    rng = np.random.default_rng(0)
    known = problems.load("demo", None, 48).problems
    while True:
        problem = known[rng.integers(len(known))]
        strategy = strategies()[MIXTURE[rng.integers(len(MIXTURE))]]
        hint = float(rng.integers(1, 20) * 5)
        wording = int(rng.integers(len(strategy.asks)))
        answer = f"The answer is {problem.gold}."
        conversation = eliciting(problem.question, answer, strategy, wording, hint, "slot")
        reply = tokenizer(f" {states(strategy.name, hint):g}%.", add_special_tokens=False)["input_ids"]
        yield checkpoint.token_ids(conversation), [*reply, tokenizer.eos_token_id]


def _loss(model: Any, prompt: list[int], reply: list[int]) -> torch.Tensor:
    labels = torch.tensor([[-100] * len(prompt) + reply])
    loss: torch.Tensor = model(input_ids=torch.tensor([prompt + reply]), labels=labels).loss
    return loss


if __name__ == "__main__":
    main(Path(sys.argv[1]))
