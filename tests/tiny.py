"""tests/support/tiny.py under its former name, which ../shared/cases imports."""

from tests.support.tiny import CHATML, SPECIAL, tiny_checkpoint

__all__ = ["CHATML", "SPECIAL", "tiny_checkpoint"]
