"""Checks the demo word problems: format, computed annotations, grades, solutions tied to their questions."""

import ast
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "fixtures" / "questions" / "demo_problems.jsonl"
COUNT = 48
GRADES = (1, 2, 3)  # steps by position, shifted by one every three problems: see grade_at
MIN_WORDS, MAX_WORDS = 12, 45
MIN_GOLD, MAX_GOLD = 1, 500
MIN_DISTINCT_GOLDS = 40

ANNOTATION = re.compile(r"<<([0-9+\-*/() ]+)=([0-9]+)>>")
FINAL = re.compile(r"\n#### ([0-9]+)\Z")
NUMBER = re.compile(r"[0-9]+")

NUMBER_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
# A constant that a question leaves unsaid: allowed, and then needed, where its cue word is in the question.
CUES = {
    "week": 7,
    "dozen": 12,
    "hour": 60,
    "hours": 60,
    "half": 2,
    "twice": 2,
    "pair": 2,
    "pairs": 2,
    "triple": 3,
}


def evaluate(expression: str) -> Fraction:
    """The exact value of integers joined by + - * / and parentheses; ValueError for anything else."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                return Fraction(number)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return value(left) - value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return value(left) * value(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return value(left) / value(right)
        raise ValueError(f"not plain arithmetic: {expression}")

    try:
        return value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError) as error:
        raise ValueError(f"no value: {expression}") from error


def numbers(text: str) -> list[int]:
    """The integers written in digits."""
    return [int(digits) for digits in NUMBER.findall(text)]


def question_faults(question: str) -> list[str]:
    """What is wrong with a question taken alone."""
    faults: list[str] = []
    if not MIN_WORDS <= len(question.split()) <= MAX_WORDS:
        faults.append("question: word count")
    sentences = re.split(r"(?<=[.?!]) ", question)
    if len(sentences) not in (2, 3) or not question.endswith("?") or question.count("?") != 1:
        faults.append("question: one or two sentences, then the question")
    if question != " ".join(question.split()):
        faults.append("question: stray white space")
    if "percent" in question.lower() or "%" in question:
        faults.append("question: percentage")
    return faults


def answer_faults(answer: str, grade: int) -> list[str]:
    """What is wrong with a worked solution taken alone."""
    faults: list[str] = []
    steps = list(ANNOTATION.finditer(answer))
    if "percent" in answer.lower() or "%" in answer:
        faults.append("answer: percentage")
    if not len(steps) == answer.count("<<") == answer.count(">>"):
        faults.append("answer: malformed annotation")
    if len(steps) != grade:
        faults.append("answer: number of steps is not the grade")
    for step in steps:
        expression, result = step[1], step[2]
        try:
            if evaluate(expression) != int(result):
                faults.append("answer: wrong result")
        except ValueError:
            faults.append("answer: expression without a value")
        if not re.match(rf"{result}(?![0-9]|[.,][0-9])", answer[step.end() :]):
            faults.append("answer: printed result is not the annotation's")
        before = re.sub(r"[$ ]", "", answer[: step.start()].rpartition("\n")[2])
        if not re.search(rf"(?<![0-9+\-*/.]){re.escape(expression)}=\Z", before):
            faults.append("answer: printed expression is not the annotation's")
    final = FINAL.search(answer)
    if final is None or answer.count("####") != 1:
        return [*faults, "answer: no single final line"]
    if not MIN_GOLD <= int(final[1]) <= MAX_GOLD:
        faults.append("answer: final number out of bounds")
    if not steps or steps[-1][2] != final[1]:
        faults.append("answer: final number is not the last result")
    return faults


def link_faults(question: str, answer: str) -> list[str]:
    """What a solution uses that its question does not give, or leaves unused."""
    faults: list[str] = []
    words = re.findall(r"[a-z]+", question.lower())
    given = {*numbers(question), *(CUES[word] for word in words if word in CUES)}
    known = given | {NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS}
    used: set[int] = set()
    waiting: set[int] = set()  # results that no later step has used yet
    for step in ANNOTATION.finditer(answer):
        literals = set(numbers(step[1]))
        if not literals <= known:
            faults.append("link: a number from nowhere")
        used |= literals
        waiting -= literals
        known.add(int(step[2]))
        waiting.add(int(step[2]))
    if len(waiting) != 1:
        faults.append("link: a step's result is not used")
    if not given <= used:
        faults.append("link: a number of the question is not used")
    return faults


def row_faults(question: str, answer: str, grade: int) -> list[str]:
    """Everything wrong with one problem."""
    return [*question_faults(question), *answer_faults(answer, grade), *link_faults(question, answer)]


def grade_at(index: int) -> int:
    """The number of steps of the problem at a position counted from 0."""
    return GRADES[(index + index // len(GRADES)) % len(GRADES)]


def load() -> list[list[tuple[str, object]]]:
    """The rows as (field, value) pairs in file order, so that order and repeated fields stay visible."""
    lines = PATH.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, object_pairs_hook=list) for line in lines]


def texts(row: list[tuple[str, object]]) -> tuple[str, str]:
    """A row's question and answer."""
    assert [field for field, _ in row] == ["question", "answer"]
    question, answer = (value for _, value in row)
    assert isinstance(question, str)
    assert isinstance(answer, str)
    return question, answer


@pytest.mark.parametrize("index", range(COUNT), ids=[f"demo-{index + 1:02}" for index in range(COUNT)])
def test_problem(index: int) -> None:
    question, answer = texts(load()[index])
    assert row_faults(question, answer, grade_at(index)) == []


def test_file() -> None:
    data = PATH.read_bytes()
    rows = [texts(row) for row in load()]
    assert len(rows) == COUNT == data.count(b"\n")
    assert data.startswith(b"{")
    assert data.endswith(b"}\n")
    assert b"\r" not in data
    assert len({question.casefold() for question, _ in rows}) == COUNT
    assert len({numbers(answer)[-1] for _, answer in rows}) >= MIN_DISTINCT_GOLDS


def test_no_wording_is_asked_of_one_grade_alone() -> None:
    """Problem i uses wording i mod 3: of any nine from the start of one, each wording gets every grade once."""
    grades = [len(ANNOTATION.findall(texts(row)[1])) for row in load()]
    for start in range(0, len(grades) - 8, 3):
        for wording in range(3):
            assert sorted(grades[start + wording : start + 9 : 3]) == [1, 2, 3]


def test_another_problems_solution_is_refused() -> None:
    rows = [texts(row) for row in load()]
    for place, (question, _) in enumerate(rows):
        for other, (_, answer) in enumerate(rows):
            assert (link_faults(question, answer) == []) == (place == other)


@pytest.mark.parametrize(
    ("expression", "result"),
    [("3+4", Fraction(7)), ("(2+3)*4", Fraction(20)), ("7/2", Fraction(7, 2)), ("9-2-3", Fraction(4))],
)
def test_evaluate(expression: str, result: Fraction) -> None:
    assert evaluate(expression) == result


@pytest.mark.parametrize("expression", ["2**3", "7//2", "-3", "1.5", "True", "a", "f(1)", "3+", "1/0", ""])
def test_evaluate_refuses(expression: str) -> None:
    with pytest.raises(ValueError, match=r"not plain arithmetic|no value"):
        evaluate(expression)


GOOD_QUESTION = "A crate holds 3 lamps and two clocks. How many things are in 5 such crates?"
GOOD_ANSWER = "A crate holds 3 + 2 = <<3+2=5>>5 things.\nThere are 5 * 5 = <<5*5=25>>25 things.\n#### 25"


def test_good_row_has_no_faults() -> None:
    assert row_faults(GOOD_QUESTION, GOOD_ANSWER, 2) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("3+2=5>>5", "3+2=6>>6", "answer: wrong result"),
        ("3+2=5>>5", "3+2=5>>50", "answer: printed result is not the annotation's"),
        ("3+2=5>>5", "3+2=5>>5.5", "answer: printed result is not the annotation's"),
        ("3 + 2 =", "3 + 3 =", "answer: printed expression is not the annotation's"),
        ("3 + 2 =", "13 + 2 =", "answer: printed expression is not the annotation's"),
        ("<<3+2=5>>", "", "answer: number of steps is not the grade"),
        ("<<3+2=5>>", "<<3+2>>", "answer: malformed annotation"),
        ("3+2=5", "3/0=5", "answer: expression without a value"),
        ("#### 25", "#### 26", "answer: final number is not the last result"),
        ("#### 25", "#### 25.", "answer: no single final line"),
        ("#### 25", "#### 0", "answer: final number out of bounds"),
        ("things.\n#", "things, 100%.\n#", "answer: percentage"),
        ("3 lamps", "4 lamps", "link: a number from nowhere"),
        ("two clocks", "clocks", "link: a number from nowhere"),
        ("two clocks", "two clocks and 9 cups", "link: a number of the question is not used"),
        ("two clocks", "half of two clocks a week", "link: a number of the question is not used"),
        ("<<5*5=25>>25", "<<3*2=6>>6", "link: a step's result is not used"),
        ("A crate holds 3 lamps and two clocks", "Take 3 lamps", "question: word count"),
        ("crates?", "crates.", "question: one or two sentences, then the question"),
        (" How", "  How", "question: stray white space"),
        ("two clocks", "two percent", "question: percentage"),
    ],
    ids=[f"fault-{number:02}" for number in range(1, 22)],
)
def test_fault_is_found(old: str, new: str, fault: str) -> None:
    assert old in GOOD_QUESTION or old in GOOD_ANSWER
    faults = row_faults(GOOD_QUESTION.replace(old, new), GOOD_ANSWER.replace(old, new), 2)
    assert fault in faults
