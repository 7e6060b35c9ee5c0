# How far a verdict can be trusted

Written by `python -m tests.quality` (some 15 minutes on two cores; raise REPEATS in __main__.py for finer rates); `pytest tests/quality` checks a short form of it in CI.
Simulated checkpoints of known truth (simulated.py) are measured by the instrument's own code, many times over.

## Intervals

Runs of $sizes problems, $repeats of them in turn, at alpha $alpha and five hints. `too high` is the share of runs whose
interval lies above the truth, `too low` below it. A bound that lies exactly on the truth is judged wrongly at one of these
rates: each is to be at most alpha, and is meant to be about alpha / 2. The last columns are the verdicts on one bound of that
kind: rho >= 0.9 (within problems, and pooled), abs(low bias) <= 5, rho difference <= 0.2, low bias differences <= 10, r >= 0.15,
ECE <= 0.3.

$intervals

## Early stop

$sequential_n problems, alpha $sequential_alpha, $sequential_repeats runs. `contradicts`: held by the run
that may stop early and refuted by the full one, or the other way round. `differs`: not the same outcome, so also where one of
them leaves open what the other settles.

$stopping

## "About N problems would likely settle it"

Undecided runs of 24 problems at alpha 0.01; each one's own number is tried with new problems. Meant to settle four in five.

$needed

## The family of all verdicts of a run

The rule: a gate passes only if every bound holds (`test_regression`'s, which pass unless refuted, are no part of this). So a checkpoint that breaks any bound passes with probability alpha at
most, however many other bounds there are (intersection-union test, Berger 1982), and no correction is needed. A checkpoint
that satisfies all of m bounds is refuted by one of them with probability m * alpha / 2 at most (Bonferroni). That leaves out silence: a strategy's stated
rate is judged as it is seen, and at every hint by a test at alpha / 2, so a checkpoint that states a confidence in barely
80% of the trials may be refuted besides. Below: 20 bounds, alpha
0.01, 200 runs; the checkpoint stands exactly on all of them in `refuted somewhere`, which is the worst there is, and
breaks a single one in `passed`.

$family

## The whole gate

All claims that the suite judges of an instruct checkpoint, at alpha 0.01, look by look, with futility. `passed`: the share of
runs in which all held. `trials`: the mean share of the trials that were taken. `refuted` and `undecided` are mean shares of
the claims. Every checkpoint leaves decoys alone.

$gate
