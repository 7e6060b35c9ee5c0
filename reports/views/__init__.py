"""The views: terminal, page, summary, comparison."""
