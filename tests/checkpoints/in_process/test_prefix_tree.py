"""The prefix tree: every sequence is in it, and what is shared stands in it once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.checkpoints.in_process.prefix_tree import Node, prefix_tree

sequences = st.lists(st.lists(st.integers(0, 2), max_size=12), max_size=12)
least = st.integers(0, 12)


def nodes(roots: list[Node]) -> Iterator[Node]:
    for root in roots:
        yield root
        yield from nodes(root.children)


@given(sequences, least)
def test_every_sequence_is_the_path_to_one_leaf(texts: list[list[int]], least: int) -> None:
    leaves = [node for node in nodes(prefix_tree(texts, least)) if node.row is not None]
    assert sorted(leaf.row for leaf in leaves if leaf.row is not None) == list(range(len(texts)))
    for leaf in leaves:
        assert leaf.row is not None
        assert [token for node in leaf.path() for token in node.tokens] == texts[leaf.row]
        assert not leaf.children


@given(sequences, least)
def test_a_shared_stretch_spares_what_it_must(texts: list[list[int]], least: int) -> None:
    for node in nodes(prefix_tree(texts, least)):
        assert node.start == sum(len(parent.tokens) for parent in node.path()[:-1])
        if node.row is None:
            below = sum(leaf.row is not None for leaf in nodes([node]))
            assert len(node.tokens) * (below - 1) >= max(least, 1)


@given(sequences)
def test_nothing_is_read_twice_where_every_token_counts(texts: list[list[int]]) -> None:
    read = sum(len(node.tokens) for node in nodes(prefix_tree(texts, 1)))
    assert read == len({tuple(text[:end]) for text in texts for end in range(1, len(text) + 1)})


@given(sequences)
def test_nothing_is_shared_where_nothing_is_worth_it(texts: list[list[int]]) -> None:
    assert all(node.row is not None for node in prefix_tree(texts, 1000))


def test_a_small_gain_above_does_not_hide_a_large_one_below() -> None:
    texts = [[1, *range(10, 20), 2], [1, *range(10, 20), 3], [1, 4]]
    (shared,) = (node for node in prefix_tree(texts, 5) if node.row is None)
    assert shared.tokens == [1, *range(10, 20)]


@pytest.mark.parametrize("least", [1, 10**9])
def test_depth_is_not_limited_by_the_stack(least: int) -> None:
    texts = [[0] * length for length in range(3000)]
    assert sum(node.row is not None for node in _unrolled(prefix_tree(texts, least))) == 3000


def _unrolled(roots: list[Node]) -> Iterator[Node]:
    todo = list(roots)
    while todo:
        node = todo.pop()
        todo.extend(node.children)
        yield node
