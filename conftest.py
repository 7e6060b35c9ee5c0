"""Heedful registers its options, fixtures and reports here, and does nothing else."""

pytest_plugins = [
    "fixtures.plugin.parallel",
    "fixtures.plugin.hooks",
    "fixtures.plugin.plan",
    "reports.plugin.hooks",
]
