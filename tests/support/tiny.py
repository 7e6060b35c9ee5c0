"""A tiny checkpoint with random weights, as `save_pretrained` writes one: a directory, and no sense."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>")


def tiny_checkpoint(
    directory: Path,
    *,
    chat_template: str | None = CHATML,
    bos_token: str | None = "<s>",
    pad_token: str | None = "<pad>",
    add_bos: bool = True,
    max_shard_size: str | None = None,
    width: int = 16,
    seed: int = 0,
    merges: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a Llama of one layer and `width` with its tokenizer into `directory`, and return it (50 kB).

    The tokenizer has a token for each byte, so that every text survives a round trip, and one for each of the
    `merges`, pairs of tokens that are one. `chat_template` None
    leaves the template out, `add_bos` puts `bos_token` before a text, `max_shard_size` such as "8KB" splits
    the weights. The same arguments give the same bytes.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet, *map("".join, merges)])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[*merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if add_bos and bos_token is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos_token} $A", special_tokens=[(bos_token, vocabulary[bos_token])]
        )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos_token,
        eos_token="</s>",
        pad_token=pad_token,
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = chat_template
    wrapped.save_pretrained(directory)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        bos_token_id=vocabulary["<s>"],
        eos_token_id=vocabulary["</s>"],
        pad_token_id=vocabulary["<pad>"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.save_pretrained(directory, **({"max_shard_size": max_shard_size} if max_shard_size else {}))
    return directory


def tiny_gguf(file: Path, *, parts: int = 1, blocks: int = 1, width: int = 16) -> Path:
    """Write a whole GGUF file of one 16 x 16 tensor, and return it. It has no tokenizer: no model loads from it.

    `blocks` and `width` are what its header says of the model.
    """
    import numpy as np
    from gguf import GGUFWriter

    writer = GGUFWriter(file, "llama")
    writer.add_block_count(blocks)
    writer.add_embedding_length(width)
    writer.add_name("tiny")
    writer.add_uint16("split.count", parts)
    writer.add_tensor("token_embd.weight", np.arange(256, dtype=np.float32).reshape(16, 16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
