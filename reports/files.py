"""files: the report's files in --output, written by a run and read again to rebuild them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fixtures.errors import InputError, brief
from fixtures.measurement import Measured
from reports import exchanges, page
from reports.exchanges import Exchange
from reports.profile import SCHEMA, Profile, dumps
from reports.summary import summary

PROFILE, RUN, SUMMARY, REPORT = "profile.json", "run.json", "summary.md", "report.html"
WRITTEN = (PROFILE, RUN, SUMMARY, exchanges.ANSWERS, exchanges.TRIALS)
"""All but report.html and junit.xml, which pytest's own plugins write."""


class Contents(NamedTuple):
    """What everything that is shown is made of."""

    profile: Profile
    run: dict[str, Any]
    exchanges: Sequence[Exchange]

    def page(self) -> str:
        return page.report(*self)


def gathered(profile: Profile, run: dict[str, Any], found: Iterable[Exchange]) -> Contents:
    """In the order of run.json's checkpoints: profile.json's are sorted by name."""
    names = list(run["checkpoints"])
    ordered = {name: profile["checkpoints"][name] for name in names}
    by_checkpoint = sorted(found, key=lambda exchange: names.index(exchange.checkpoint))
    return Contents({**profile, "checkpoints": ordered}, run, by_checkpoint)


def write(directory: Path, contents: Contents, measured: Sequence[Measured]) -> None:
    (directory / PROFILE).write_text(dumps(contents.profile), encoding="utf-8")
    (directory / RUN).write_text(json.dumps(contents.run, indent=1) + "\n", encoding="utf-8")
    exchanges.save(directory, measured)
    write_summary(directory, contents)


def write_summary(directory: Path, contents: Contents) -> None:
    (directory / SUMMARY).write_text(summary(*contents), encoding="utf-8")


def rebuild(directory: Path) -> None:
    """report.html and summary.md again, from the other files. Raises InputError where one is missing or damaged."""
    contents = read(directory)
    write_summary(directory, contents)
    whole = page.document(contents.profile, contents.page())
    (directory / REPORT).write_text(whole, encoding="utf-8")


def read(directory: Path) -> Contents:
    profile = read_profile(directory / PROFILE)
    try:
        run = json.loads((directory / RUN).read_text(encoding="utf-8"))
        return gathered(profile, run, exchanges.load(directory))
    except OSError as error:
        raise InputError(
            f"{error.filename}: cannot be read ({brief(error)}); give a run's --output"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{directory}: holds a file that no run wrote ({brief(error)}); run again"
        ) from error


def read_profile(path: Path) -> Profile:
    """Raises InputError for a file that is no profile of this schema."""
    try:
        profile: Profile = json.loads(path.read_text(encoding="utf-8"))
        schema = profile["schema"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)}); give a profile.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no profile.json ({brief(error)}); give one") from error
    if schema != SCHEMA:
        raise InputError(
            f"{path}: has schema {schema}, this Heedful reads {SCHEMA}; use the one that wrote it"
        )
    return profile
