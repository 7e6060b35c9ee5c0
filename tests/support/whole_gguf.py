"""A GGUF file that a model loads from: random weights, a tokenizer with a token for each byte, a chat template."""

from __future__ import annotations

from pathlib import Path

from tests.support.tiny import CHATML, SPECIAL

WIDTH, INNER = 16, 32


def whole_gguf(file: Path, *, chat_template: str = CHATML, **ends: int) -> Path:
    """Write a Llama of one layer, and return its file. `ends` are tokens of its header, such as `eos` and `eot`."""
    import numpy as np
    from gguf import GGUFWriter
    from tokenizers import pre_tokenizers

    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "ab"]
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(1)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    # 3 is what a header calls a control token, 1 any other
    writer.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    writer.add_token_merges(["a b"])
    writer.add_chat_template(chat_template)
    writer.add_pad_token_id(SPECIAL.index("<pad>"))
    for kind, token in ends.items():
        writer.add_uint32(f"tokenizer.ggml.{kind}_token_id", token)
    numbers = np.random.default_rng(0)
    for name, shape in _shapes(len(tokens)).items():
        writer.add_tensor(name, numbers.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _shapes(tokens: int) -> dict[str, tuple[int, ...]]:
    layer = {
        "attn_norm": (WIDTH,),
        "ffn_norm": (WIDTH,),
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH // 2, WIDTH),
        "attn_v": (WIDTH // 2, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
    }
    return {
        "token_embd.weight": (tokens, WIDTH),
        "output.weight": (tokens, WIDTH),
        "output_norm.weight": (WIDTH,),
        **{f"blk.0.{name}.weight": shape for name, shape in layer.items()},
    }
