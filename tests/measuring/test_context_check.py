"""What a model's context does not hold is refused in one line before anything is generated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from fixtures.checkpoints.in_process.loading import context
from fixtures.errors import InputError
from fixtures.questions.conversation import solving
from tests.checkpoints.in_process.test_shared_prefix import tiny, with_model
from tests.support.fixed_reply import edit_json, fixed_reply
from tests.support.refusal import Run
from tests.support.tiny import tiny_checkpoint

LIMITS = ("--max-answer-tokens=8", "--max-reply-tokens=8")
QUESTION = "Ada has 2 pens and buys 3 more. How many pens does she have?"


def _learned(directory: Path, positions: int) -> Path:
    """It has as many positions as its config.json says, and an index error behind them."""
    config = GPT2Config(vocab_size=261, n_embd=16, n_layer=1, n_head=2, n_positions=positions)
    return with_model(directory, GPT2LMHeadModel(config))


def _rotary(directory: Path, positions: int) -> Path:
    """It goes on behind its positions, and makes no sense."""
    tiny_checkpoint(directory)
    edit_json(directory / "config.json", max_position_embeddings=positions)
    return directory


def _problems(place: Path) -> Path:
    file = place / "problems.jsonl"
    rows = [{"question": QUESTION.replace("2", str(n)), "answer": f"#### {n + 3}"} for n in range(2, 10)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


# a token a byte: 128 hold no question, and 256 a question but none about confidence
@pytest.mark.parametrize("positions", [128, 256])
@pytest.mark.parametrize("make", [_learned, _rotary])
def test_a_context_that_is_too_short(tmp_path: Path, make: Any, positions: int) -> None:
    directory = make(tmp_path / "mine", positions)
    line = Run(tmp_path).refused(
        f"--problems={_problems(tmp_path)}",
        f"--checkpoint={directory}",
        "-ktest_bias and natural_query",
        *LIMITS,
        torch=True,
    )
    assert f"mine has a context of {positions} tokens" in line
    assert "give a smaller --max-answer-tokens" in line


def test_a_prompt_and_a_reply_may_fill_the_context(tmp_path: Path) -> None:
    """The engine's own look, for prompts that nobody has counted before."""
    directory = fixed_reply(tmp_path, "It is 5, I think.")
    prompt = tiny(directory).prompt_tokens(solving(QUESTION))
    edit_json(directory / "config.json", max_position_embeddings=prompt + 8)
    checkpoint = tiny(directory)
    assert dict(checkpoint.generate([solving(QUESTION)], 8))
    with pytest.raises(
        InputError, match=rf"a prompt of {prompt} tokens and 9 new ones are more than its context of"
    ):
        dict(checkpoint.generate([solving(QUESTION)], 9))


def test_a_context_is_found_by_its_names() -> None:
    from transformers import Gemma3Config, GPTJConfig, MambaConfig, Qwen2Config

    assert context(Qwen2Config(max_position_embeddings=100)) == 100
    assert context(GPTJConfig(n_positions=100)) == 100
    assert context(Gemma3Config(text_config={"max_position_embeddings": 100})) == 100
    assert context(MambaConfig()) is None
