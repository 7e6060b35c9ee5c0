"""A whole checkpoint that gives one fixed reply, whatever it is asked (1 MB): tokenizer, template and engine are real.

Its Llama has one layer, and all weights of that layer are zero. So the next token depends on the last one alone: the
output layer is a table of successors. Each piece of the reply is a token of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.tiny import CHATML, SPECIAL

END_OF_TURN = "<|im_end|>"
MARKERS = re.compile(r"(</?think>|\[/?THINK\])")
"""Tokens of their own, as in checkpoints that think. They are not special: they stay in a decoded text."""


def fixed_reply(
    directory: Path, *turns: str, chat_template: str = CHATML, size: int = 6, context: int = 8192
) -> Path:
    """Write a checkpoint that replies `turns[0]` and then <|im_end|> into `directory`, and return it.

    Where there are more turns, it goes on with them if nobody stops it at <|im_end|>, and ends the last one with </s>.
    </s> (1) is the end of sequence that its tokenizer knows, and <|im_end|> (4) the one that its config.json and its
    generation_config.json know. `size` is the least length of a piece in characters, `context` the most tokens.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    said = _pieces(turns, size)
    tokenizer = _tokenizer([piece for turn in said for piece in turn], chat_template)
    tokenizer.save_pretrained(directory)
    rows = len(tokenizer)
    config = LlamaConfig(
        vocab_size=rows,
        hidden_size=-(-rows // 16) * 16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=1,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=SPECIAL.index(END_OF_TURN),
        pad_token_id=SPECIAL.index("<pad>"),
    )
    with torch.random.fork_rng(devices=[]):
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1 if "norm" in name else 0)
        model.model.embed_tokens.weight[:, :rows] = torch.eye(rows)
        for token, following in _successors([tokenizer.convert_tokens_to_ids(t) for t in said], rows).items():
            model.lm_head.weight[following, token] = 1
    model.save_pretrained(directory)
    return directory


def edit_json(file: Path, **values: Any) -> None:
    """Set `values` in the object that a JSON file holds."""
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def _successors(turns: Sequence[Sequence[int]], rows: int) -> dict[int, int]:
    """The token behind each token. The reply begins behind any token that is not part of it."""
    end_of_turn, end = SPECIAL.index(END_OF_TURN), SPECIAL.index("</s>")
    after = dict.fromkeys(range(rows), turns[0][0])
    for turn in turns:
        after |= dict(zip(turn, [*turn[1:], end_of_turn], strict=True))
    if len(turns) > 1:
        after[end_of_turn] = turns[1][0]
        after[turns[-1][-1]] = end
    return after


def _pieces(turns: Sequence[str], size: int) -> list[list[str]]:
    """The turns in pieces that all differ. A marker is a piece. Raises ValueError where that is not possible."""
    seen: set[str] = set()
    cut: list[list[str]] = []
    for turn in turns:
        cut.append([])
        for part in filter(None, MARKERS.split(turn)):
            start = 0
            while start < len(part):
                end = start + size
                while part[start:end] in seen and end < len(part):
                    end += 1
                if MARKERS.fullmatch(part) or len(part) - end < size:
                    end = len(part)
                piece = part[start:end]
                if piece in seen or not piece.strip():
                    raise ValueError(
                        f"{piece!r} cannot be a piece of its own; give other words or another size"
                    )
                seen.add(piece)
                cut[-1].append(piece)
                start = end
    return cut


def _tokenizer(pieces: Sequence[str], chat_template: str) -> Any:
    """It has a token for each special token, for each byte and for each piece."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in pieces])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = chat_template
    return wrapped
