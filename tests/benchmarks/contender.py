"""One contender does the work, in a process of its own: `python -m tests.benchmarks.contender NAME` < work.json.

Prints one line of JSON: seconds of the clock and of all cores, peak memory, the texts, and for our engine where its
core seconds went.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from fixtures.checkpoints.in_process import shared_prefix
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from tests.benchmarks.work import Work

STOPS: dict[str, list[str]] = {"slot": ["%", "}", "\n"], "free": [], "answers": []}
"""The stop rule for a harness that takes texts and no regular expression; it stops no later than ours."""


def shared(checkpoint: InProcessCheckpoint, work: Work) -> list[str]:
    replies = dict(checkpoint.generate(work.conversations(), work.tokens, logprobs=work.stage == "answers"))
    return [replies[i].text for i in range(len(replies))]


def plain(checkpoint: InProcessCheckpoint, work: Work) -> list[str]:
    replies = dict(
        checkpoint.generate_plainly(work.conversations(), work.tokens, logprobs=work.stage == "answers")
    )
    return [replies[i].text for i in range(len(replies))]


def continuous(checkpoint: InProcessCheckpoint, work: Work) -> list[str]:
    """transformers' generate_batch. It has no stop rule of this kind: replies go on to their end of turn or limit."""
    from transformers import ContinuousBatchingConfig

    settings = ContinuousBatchingConfig(
        page_size=32,
        num_blocks=2048,
        max_batch_tokens=1024,
        allow_block_sharing=True,
        use_cuda_graph=False,
        use_async_batching=False,
    )
    prompts = [checkpoint.token_ids(conversation) for conversation in work.conversations()]
    out = checkpoint._load_model().generate_batch(
        inputs=prompts,
        generation_config=checkpoint._greedy(work.tokens),
        continuous_batching_config=settings,
        progress_bar=False,
    )
    rows = sorted(out.values(), key=lambda row: int(row.request_id.rpartition("_")[2]))
    ends = checkpoint._ends
    kept = [[token for token in row.generated_tokens if token not in ends] for row in rows]
    return [checkpoint._tokenizer.decode(row, skip_special_tokens=True) for row in kept]


def harness(checkpoint: InProcessCheckpoint, work: Work) -> list[str]:
    """lm-evaluation-harness, HFLM.generate_until, with the batch size that it is mostly run with here."""
    from lm_eval.api.instance import Instance  # type: ignore[import-not-found]
    from lm_eval.models.huggingface import HFLM  # type: ignore[import-not-found]

    rendered = [checkpoint.render(conversation) for conversation in work.conversations()]
    model = HFLM(
        pretrained=checkpoint._load_model(), tokenizer=checkpoint._tokenizer, batch_size=16, backend="causal"
    )
    how = {"until": STOPS[work.stage], "max_gen_toks": work.tokens, "do_sample": False}
    requests = [Instance("generate_until", {}, (text, dict(how)), i) for i, text in enumerate(rendered)]
    texts: list[str] = model.generate_until(requests, disable_tqdm=True)
    return texts


CONTENDERS: dict[str, Callable[[InProcessCheckpoint, Work], list[str]]] = {
    "shared": shared,
    "plain": plain,
    "generate_batch": continuous,
    "lm_eval": harness,
}


@contextlib.contextmanager
def timed(places: dict[str, str]) -> Iterator[dict[str, float]]:
    """Core seconds that the methods of a run take, by a name for each."""
    spent = dict.fromkeys(places.values(), 0.0)
    run: Any = shared_prefix._Run
    before = {method: getattr(run, method) for method in places}

    def measured(method: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.process_time()
            try:
                return before[method](*args)
            finally:
                spent[places[method]] += time.process_time() - start

        return call

    for method in places:
        setattr(run, method, measured(method))
    try:
        yield spent
    finally:
        for method, function in before.items():
            setattr(run, method, function)


def main(name: str) -> None:
    work = Work(**json.load(sys.stdin))
    checkpoint = work.checkpoint()
    shared(checkpoint, work.first(1))
    before = _peak()
    with timed({"_prefill": "reading", "_step": "writing", "_change": "copying"}) as spent:
        start, start_cores = time.perf_counter(), time.process_time()
        texts = CONTENDERS[name](checkpoint, work)
        seconds, cores = time.perf_counter() - start, time.process_time() - start_cores
    result = {"seconds": seconds, "cores": cores, "peak": _peak(), "before": before, "texts": texts}
    print(json.dumps({**result, "spent": spent if name == "shared" else {}}))


def _peak() -> float:
    """GB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main(sys.argv[1])
