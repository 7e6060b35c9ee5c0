"""Scripted checkpoints, whose replies are known beforehand. A pytest plugin: `pytest -p tests.scripted --checkpoint scripted:NAME`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fixtures import checkpoints
from fixtures.checkpoints import CheckpointSpec, EngineSettings, Reply
from fixtures.conversation import Conversation, base_text
from fixtures.errors import InputError
from fixtures.problems import final_number

LOG = "HEEDFUL_SCRIPTED_LOG"
"""Environment variable: a file to which every generated reply adds a line, so that a test can count them."""

Script = Callable[[Conversation], str]
