"""A tenth of the resamples (`-p tests.support.coarse`): whole runs on scripted checkpoints, whose numbers lie far from
their bounds, need no more. What the others buy is asked in tests/stats and tests/quality."""

from fixtures.stats import bootstrap

bootstrap.RESAMPLES = 4000
bootstrap.BEYOND = 1.5
