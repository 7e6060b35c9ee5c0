"""The number that an answer ends in: a gold answer's, and a checkpoint's own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixtures.questions.final_number import final_number, final_number_span, gold_number

MINUS, EN_DASH, HYPHEN = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NON-BREAKING HYPHEN}"

FINAL: list[tuple[str, str | None, str | None]] = [
    ("It is 5.", "5", "5"),
    ("3 + 4 = 7, so 7 pens", "7", "7"),
    ("#### 1,234", "1234", "1,234"),
    ("#### $1,234,567.50", "1234567.50", "$1,234,567.50"),
    ("#### -12", "-12", "-12"),
    ("#### -$12.25", "-12.25", "-$12.25"),
    ("#### 5%", "5", "5"),
    ("1,2", "2", "2"),
    ("#### 8\n#### 9", "9", "9"),
    ("9 pens\n#### 8 pens", "8", "8"),
    ("#### 1. Add\n#### 2. So it is 10.", "10", "10"),
    ("9 pens\n####", None, None),
    ("no number", None, None),
    ("", None, None),
    # how checkpoints write
    ("So she makes **18** dollars.", "18", "18"),
    ("The answer is $18.00.", "18", "$18.00"),
    ("That is 1,234.", "1234", "1,234"),
    (r"She makes \$18 a day", "18", r"\$18"),
    ("so x = 18", "18", "18"),
    (r"\boxed{18}", "18", "18"),
    (r"It is \boxed{\$18.00\text{ a day}}, from 3 + 4 eggs", "18", r"\$18.00"),
    (r"\boxed{3 \times 6 = 18} for 2", "18", "18"),
    (r"\boxed{eighteen} from 9", "9", "9"),
    ("#### 18\nCheck: 9 * 2 = 18, for 16 - 7", "18", "18"),
    ("#### 18 dollars\nStep 2", "18", "18"),
    (r"1{,}234", "1234", r"1{,}234"),
    ("1\N{NARROW NO-BREAK SPACE}234 eggs", "1234", "1\N{NARROW NO-BREAK SPACE}234"),
    ("18 m^2", "18", "18"),
    (r"45^\circ", "45", "45"),
    ("€ 18", "18", "€ 18"),
    # signs
    (f"It is {MINUS}5.", "-5", f"{MINUS}5"),
    (f"It is {EN_DASH}5.", "-5", f"{EN_DASH}5"),
    (f"It is {HYPHEN}$5.", "-5", f"{HYPHEN}$5"),
    ("$-5$", "-5", "$-5"),
    ("=-5", "-5", "-5"),
    ("+5", "5", "+5"),
    ("- 5 pens", "5", "5"),
    ("12-5", "5", "5"),
    ("25%-30%", "30", "30"),
    (f"pages 3{EN_DASH}5", "5", "5"),
    ("$25-$30", "30", "$30"),
    # points and fractions
    (".5", "0.5", ".5"),
    ("-.5", "-0.5", "-.5"),
    ("$.50", "0.5", "$.50"),
    ("2½", "2.5", "2½"),
    ("2 ½ cups", "2.5", "2 ½"),
    (f"{MINUS}¾", "-0.75", f"{MINUS}¾"),
    ("3/4 of it", "0.75", "3/4"),
    ("2 1/2 cups", "2.5", "2 1/2"),
    (r"\frac{3}{4}", "0.75", r"\frac{3}{4}"),
    (r"2\frac{1}{2}", "2.5", r"2\frac{1}{2}"),
    ("12/4=3", "3", "3"),
    # no plain number
    ("5 or 10²", None, "10²"),
    ("2^10", None, "2^"),
    ("10^{-2}", None, "10^"),
    ("1e3", None, "1e3"),
    ("3/4/2026", None, "3/4/2026"),
    ("5/0", None, "5/0"),
]


@pytest.mark.parametrize(("text", "number", "span"), FINAL)
def test_final_number(text: str, number: str | None, span: str | None) -> None:
    assert final_number(text) == (None if number is None else Decimal(number))
    place = final_number_span(text)
    assert (None if place is None else text[slice(*place)]) == span


GOLDS = {
    "7": "7",
    " 1,000 ": "1000",
    "-3": "-3",
    f"{MINUS}5": "-5",
    "$0.50": "0.5",
    r"\$18": "18",
    "$ 18.00": "18",
    ".5": "0.5",
    "5.": "5",
    "2½": "2.5",
    "½": "0.5",
    "18%": "18",
    "18 %": "18",
    "7 pens": "7",
    "60 miles per hour": "60",
    "5 m²": "5",
    "1,234,567.50 dollars": "1234567.50",
}
REFUSED = [
    *("", "five", "(5)", "10²", "10 ²", "2^10", "1e3", "1E3", "3/4", "2 1/2", r"\frac{3}{4}"),
    *(
        "3 or 4",
        "3-4",
        "- 5",
        "x = 5",
        "about 7",
        "5 million",
        "5 and a half",
        "5kg",
        "0,5",
        "1,0000",
        "12:30",
    ),
    *("1.234.567", "5\nor so", "5 cups ½"),
]


@pytest.mark.parametrize(("end", "gold"), GOLDS.items())
def test_a_gold_number(end: str, gold: str) -> None:
    assert gold_number(f"2 + 3 = 5\n#### {end}") == gold_number(f"####{end}") == Decimal(gold)
    assert final_number(f"#### {end}") == Decimal(gold)


@pytest.mark.parametrize("end", REFUSED)
def test_what_is_no_gold_number(end: str) -> None:
    assert gold_number(f"5\n#### {end}") is None


def test_a_gold_number_stands_behind_the_mark() -> None:
    assert gold_number("It is 5.") is None
    assert gold_number("#### 6\n#### 5") == 5


@pytest.mark.parametrize("digits", ["7" * 40, "1," + "000," * 400 + "000", "9" * 5000])
def test_no_digit_is_lost(digits: str) -> None:
    assert f"{final_number(f'-{digits}'):f}" == "-" + digits.replace(",", "")


@pytest.mark.parametrize("text", [r"\boxed{" * 9, r"\boxed{{5}", r"\boxed{\frac{1}{\sqrt{5}}}"])
def test_a_box_that_cannot_be_read_is_text(text: str) -> None:
    assert final_number(text) == (5 if "5" in text else None)
