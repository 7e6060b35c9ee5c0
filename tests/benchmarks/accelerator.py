"""The whole protocol on an accelerator, at a 3B checkpoint's shape: `python -m tests.benchmarks.accelerator`.

Weights are random, so that nothing has to be fetched: Llama-3.2-3B's shape with SmolLM2's tokenizer, in bf16. Such a
checkpoint ends no reply before its limit, which is the most that a reply can cost. Then our engine against plain
batched `generate` and transformers' `generate_batch` on fewer problems, in turns in one run, and where its time goes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source import embedded
from fixtures.options.table import TABLE
from fixtures.options.values import DEMO
from fixtures.protocol.block import Block
from fixtures.protocol.making import make
from fixtures.protocol.trials import Settings
from fixtures.questions import problems
from fixtures.questions.problems import BLOCK, Problem
from fixtures.store.database import Store
from tests.benchmarks.contender import CONTENDERS
from tests.benchmarks.engines import GSM8K
from tests.benchmarks.work import HINTS, TOKENS, Work, without_tools

SHAPE = {
    "num_hidden_layers": 28,
    "hidden_size": 3072,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "intermediate_size": 8192,
    "vocab_size": 128256,
}
TINY = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 49152,
}
AGAINST = ("plain", "generate_batch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=Path, default=GSM8K, help="a JSONL file like GSM8K's test.jsonl")
    parser.add_argument("--n-problems", type=int, default=500)
    parser.add_argument("--compare", type=int, default=32, help="problems for the comparison of engines")
    parser.add_argument("--readout", choices=["slot", "free"], default="slot")
    parser.add_argument("--tiny", action="store_true", help="a small shape, to see that this runs")
    options = parser.parse_args()
    known = problems.load(str(options.problems), options.n_problems, 0).problems
    with tempfile.TemporaryDirectory() as place:
        checkpoint = made(Path(place) / "checkpoint", TINY if options.tiny else SHAPE)
        print(f"{checkpoint.engine}, {checkpoint.dtype}", flush=True)
        list(checkpoint.generate(Work("answers", "instruct", ((known[0].question, ""),)).conversations(), 2))
        answers = protocol(checkpoint, known, options.readout, Store(Path(place) / "store.sqlite3"))
        solved = tuple((known[i].question, answers[i]) for i in range(min(options.compare, len(known))))
        work = Work(options.readout, "instruct", solved)
        compare(checkpoint, work)
        profile(checkpoint, work)


def made(directory: Path, shape: dict[str, int]) -> InProcessCheckpoint:
    """Random weights, saved and opened as a user's would be."""
    (spec,) = (spec for spec in DEMO if spec.role == "instruct")
    source = embedded.directory(spec.spec.removeprefix("embedded:"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    with torch.device(device):
        model = LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True)).to(torch.bfloat16)
    model.save_pretrained(directory)
    del model
    for file in source.iterdir():
        if file.suffix != ".safetensors" and not (directory / file.name).exists():
            shutil.copy(file, directory)
    opened = open_checkpoint(
        CheckpointSpec("random", "instruct", str(directory), "--checkpoint"), EngineSettings(dtype="bfloat16")
    )
    assert isinstance(opened, InProcessCheckpoint)
    return opened


def protocol(
    checkpoint: InProcessCheckpoint, known: tuple[Problem, ...], readout: str, store: Store
) -> list[str]:
    """Every strategy but of tools, all that the store costs included. The answers' texts."""
    settings = Settings(HINTS, readout, TABLE["--max-answer-tokens"].value(None), TOKENS[readout])  # type: ignore[arg-type]
    texts: list[str] = []
    spent = {"answers": 0.0, "trials": 0.0}
    for at in range(0, len(known), BLOCK):
        part = {i: known[i] for i in range(at, min(at + BLOCK, len(known)))}
        for stage, asked in (("answers", []), ("trials", without_tools())):
            block = Block(checkpoint, part, asked, settings, store)
            spent[stage] += seconds(partial(make, block))
        block.find()
        texts += [answer.text for answer in block.answers]
    n_trials = len(known) * sum(map(settings.trials_of, without_tools()))
    print(f"whole protocol, {len(known)} problems, {readout}: {sum(spent.values()):.1f} s")
    print(f"  {len(known)} answers in {spent['answers']:.1f} s, {n_trials} trials in {spent['trials']:.1f} s")
    return texts


def compare(checkpoint: InProcessCheckpoint, work: Work) -> None:
    """Our engine before and after each of the others."""
    trials = len(work.conversations())
    ours = seconds(lambda: CONTENDERS["shared"](checkpoint, work))
    for name in AGAINST:
        theirs = seconds(lambda name=name: CONTENDERS[name](checkpoint, work))  # type: ignore[misc]
        again = seconds(lambda: CONTENDERS["shared"](checkpoint, work))
        rates = f"{trials / theirs:.1f} trials/s, ours {trials / ours:.1f} and {trials / again:.1f}"
        print(f"{name}: {rates}: ours {theirs / min(ours, again):.2f} times as fast", flush=True)
        ours = again


def profile(checkpoint: InProcessCheckpoint, work: Work) -> None:
    """Where our engine's time goes."""
    cuda = torch.cuda.is_available()
    kinds = [torch.profiler.ProfilerActivity.CPU, *([torch.profiler.ProfilerActivity.CUDA] if cuda else [])]
    with torch.profiler.profile(activities=kinds) as profiled:
        CONTENDERS["shared"](checkpoint, work.first(4))
    by = "self_cuda_time_total" if cuda else "self_cpu_time_total"
    print(profiled.key_averages().table(sort_by=by, row_limit=15, max_name_column_width=60))


def seconds(work: Callable[[], object]) -> float:
    """Of the clock, with all that the accelerator does."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
