"""The language of `compute`: what it gives, what it refuses, and that nothing gets through."""

import math
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensors.expression import FUNCTIONS, LONGEST, compile_expression

NAMES = {"raw", "value"}
VALUES = {"raw": 800.0, "value": 3.0}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("(raw - 400) / 1600 * value", 0.75),
        (" - value ", -3.0),
        ("raw // 7 % 5", 4.0),
        ("value if raw >= 800 else 0", 3.0),
        ("1 < value < 3", 0.0),
        ("value == 3 and not raw != 800", 1.0),
        ("0 or value", 3.0),
        ("min(raw, value, 1.5) + max(raw, value)", 801.5),
        ("abs(-value) + floor(2.7) + ceil(2.1) + round(2.567, 2) + round(1.5)", 12.57),
        ("sqrt(9) + exp(0) + log(1) + log10(1000) + pow(2, 10)", 1031.0),
        ("clamp(raw, 0, 100)", 100.0),
        (".5 + 1. + 1e-3 + 2E2", 201.501),
        ("7", 7.0),
    ],
)
def test_what_it_gives(text: str, result: float) -> None:
    given_ = compile_expression(text, NAMES)(VALUES)
    assert type(given_) is float
    assert given_ == pytest.approx(result, rel=1e-15)


def test_the_names_that_it_uses() -> None:
    assert compile_expression("raw * 2", {"value", "raw"}).names == {"raw"}
    assert compile_expression("2", {"value"}).names == frozenset()


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("().__class__", 1, "an attribute"),
        ("value.real", 1, "an attribute"),
        ("1 + z.tofile(value)", 5, "a call"),
        ("value ** 2", 1, "pow(x, y)"),
        ("9**9**9**9", 7, "pow(x, y)"),
        ("value[0]", 6, "'['"),
        ("f'{value}'", 2, '"\'"'),
        ('"text"', 1, "'\"'"),
        ("[x for x in value]", 1, "'['"),
        ("abs(x for x in value)", 4, "comprehension"),
        ("lambda: 1", 7, "':'"),
        ("(y := 1)", 4, "':'"),
        ("round(value, ndigits=2)", 1, "with a keyword"),
        ("round(value, raw)", 14, "digits of round"),
        ("round(value, 999)", 14, "digits of round"),
        ("max(1)", 1, "takes 2 to 20"),
        ("max(*value, 1)", 5, "a star"),
        ("foo(value)", 1, "the function 'foo'"),
        ("float(value)", 1, "the function 'float'"),
        ("__import__(value)", 1, "'__import__'"),
        ("1 + print", 5, "the name 'print'"),
        ("  temperature", 3, "the names raw, value"),
        ("_values", 1, "the name '_values'"),
        ("max", 1, "without its (…)"),
        ("True", 1, "True"),
        ("None", 1, "None"),
        ("...", 1, "Ellipsis"),
        ("1, 2", 1, "a list of values"),
        ("value is 3", 1, "write =="),
        ("value in raw", 1, "`in`"),
        ("value & 1", 7, "'&'"),
        ("~value", 1, "'~'"),
        ("1e999", 1, "beyond any float"),
        ("1" * 450, 1, "beyond any float"),
        ("0x10", 1, "'0x10'"),
        ("1_000", 1, "'1_000'"),
        ("2j", 1, "'2j'"),
        ("1or 2", 1, "'1or'"),
        ("await value", 1, "`await`"),
        ("value\n+ 1", 6, "'\\n'"),
        ("value # 1", 7, "'#'"),
        ("value\0", 6, "'\\x00'"),
        ("ｖalue", 1, "'ｖ'"),  # Python would take it for `value`
        ("val\u200bue", 4, "'\\u200b'"),
        ("𝐦𝐚𝐱(1, 2)", 1, "is not allowed"),
        ("value +", 8, "invalid syntax"),
        ("(value", 1, "never closed"),
        ("value value", 7, "invalid syntax"),
        ("", 1, "invalid syntax"),
    ],
)
def test_what_it_refuses(text: str, column: int, words: str) -> None:
    with pytest.raises(ValueError, match="allowed are numbers") as refused:
        compile_expression(text, NAMES)
    told = str(refused.value)
    assert words in told
    if "syntax" not in words:
        assert told.startswith(f"at column {column}: ")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 240 + "1" + ")" * 240,
        "-" * 499 + "1",
        "abs(" * 100 + "1" + ")" * 100,
        "+".join("1" * 60),
        "not " * 100 + "1",
        "1" + " " * LONGEST,
    ],
)
def test_what_is_too_much(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deep|too many nested|at most 500 characters"):
        compile_expression(text, NAMES)


@pytest.mark.parametrize("name", ["max", "if", "a b", "", "température", "_values", "1a"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match=r"another name|no name for an expression"):
        compile_expression("1", {name})


@pytest.mark.parametrize(
    "text",
    [
        "value / (raw - 800)",
        "value // 0",
        "value % 0",
        "sqrt(-value)",
        "log(0)",
        "log10(-1)",
        "exp(raw * raw)",
        "pow(raw, raw)",
        "pow(0, -1)",
        "pow(-1, 0.5)",
        "floor(1e308 * 10)",
        "ceil(1e308 * 10 - 1e308 * 10)",
    ],
)
def test_what_cannot_be_computed(text: str) -> None:
    with pytest.raises(ArithmeticError):
        compile_expression(text, NAMES)(VALUES)


def test_integers_do_not_grow() -> None:
    squared = compile_expression(" * ".join(["value"] * 50), {"value"})
    with pytest.raises(ArithmeticError):
        squared({"value": 10**4000})
    assert squared({"value": 10**300}) == math.inf


# ---------------------------------------------------------------- against a second opinion

Tree = tuple[str, Callable[[dict[str, float]], float]]
"""A text, and what computes the same in plain Python."""


def leaf() -> st.SearchStrategy[Tree]:
    number = st.floats(0, 1e6).map(lambda x: (repr(x), lambda _: x))
    name = st.sampled_from(sorted(NAMES)).map(lambda n: (n, lambda values: values[n]))
    return number | name


BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "<": lambda a, b: float(a < b),
    "==": lambda a, b: float(a == b),
    "and": lambda a, b: b if a else a,
    "or": lambda a, b: a if a else b,
}
UNARY: dict[str, Callable[[float], float]] = {
    "-": lambda a: -a,
    "not ": lambda a: float(not a),
    "abs": abs,
    "sqrt": math.sqrt,
    "floor": lambda a: float(math.floor(a)),
    "exp": math.exp,
}


def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    def binary(sign: str, a: Tree, b: Tree) -> Tree:
        return f"({a[0]} {sign} {b[0]})", lambda v: BINARY[sign](a[1](v), b[1](v))

    def shortcut(sign: str, a: Tree, b: Tree) -> Tree:
        def run(v: dict[str, float]) -> float:
            first = a[1](v)
            return b[1](v) if bool(first) is (sign == "and") else first

        return f"({a[0]} {sign} {b[0]})", run

    def unary(sign: str, a: Tree) -> Tree:
        return f"({sign}({a[0]}))", lambda v: UNARY[sign](a[1](v))

    def choice(a: Tree, b: Tree, c: Tree) -> Tree:
        return f"({a[0]} if {b[0]} else {c[0]})", lambda v: a[1](v) if b[1](v) else c[1](v)

    plain = sorted(set(BINARY) - {"and", "or"})
    return (
        st.builds(binary, st.sampled_from(plain), inner, inner)
        | st.builds(shortcut, st.sampled_from(["and", "or"]), inner, inner)
        | st.builds(unary, st.sampled_from(sorted(UNARY)), inner)
        | st.builds(choice, inner, inner, inner)
    )


NUMBERS = st.floats(-1e6, 1e6)


@given(st.recursive(leaf(), grown, max_leaves=12), NUMBERS, NUMBERS)
def test_it_computes_what_python_computes(tree: Tree, raw: float, value: float) -> None:
    text, reference = tree
    if len(text) > LONGEST:
        return
    expression = compile_expression(text, NAMES)
    values = {"raw": raw, "value": value}
    try:
        expected = float(reference(values))
    except (ArithmeticError, ValueError):
        with pytest.raises(ArithmeticError):
            expression(values)
    else:
        result = expression(values)
        assert result == expected or (math.isnan(result) and math.isnan(expected))


# ---------------------------------------------------------------- whatever is written

PIECES = [
    *(
        "raw",
        "value",
        "max(",
        "round(",
        "pow(",
        "(",
        ")",
        ",",
        ".",
        "=",
        "+",
        "-",
        "**",
        "//",
        "%",
        "<",
        "!=",
        "==",
        " ",
    ),
    *(
        " if ",
        " else ",
        " and ",
        " not ",
        " in ",
        " is ",
        "lambda ",
        "await ",
        "yield ",
        "__class__",
        "1",
        "9",
        "e9",
        "_",
    ),
    *(
        "'",
        '"',
        "[",
        "]",
        "{",
        "}",
        ":=",
        ":",
        "\\",
        "\n",
        "\0",
        "#",
        "@",
        "ａ",
        "é",
        "import os",
        "for ",
        "f'{",
        "None",
    ),
]


@given(st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
@example("raw" * 400)
@example("\ud800")
def test_nothing_but_value_error_and_arithmetic_error_comes_out(text: str) -> None:
    try:
        expression = compile_expression(text, NAMES)
    except ValueError:
        return
    try:
        result = expression(VALUES)
    except ArithmeticError:
        return
    assert type(result) is float


@given(st.binary(max_size=100))
def test_bytes_are_refused_or_read(payload: bytes) -> None:
    test_nothing_but_value_error_and_arithmetic_error_comes_out.hypothesis.inner_test(payload.decode("latin-1"))  # type: ignore[attr-defined]


def test_the_page_tells_the_functions_and_its_examples_hold() -> None:
    page = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line[:3] == "| `"]
    functions = {name for row in rows if len(row) == 2 for name in re.findall(r"`(\w+)\(", row[0])}
    assert functions == set(FUNCTIONS)
    examples = [row for row in rows if len(row) == 3]
    assert len(examples) >= 4
    for text, values, result in (map(lambda cell: cell.strip("`"), row) for row in examples):
        named = {name: float(number) for name, number in (one.split(" = ") for one in values.split(", "))}
        assert compile_expression(text, named)(named) == pytest.approx(float(result))


def test_random_order_of_names_gives_one_message() -> None:
    names = [f"n{i}" for i in range(9)]
    told = set()
    for seed in range(5):
        random.Random(seed).shuffle(names)
        with pytest.raises(ValueError, match="n0, n1") as refused:
            compile_expression("x", names)
        told.add(str(refused.value))
    assert len(told) == 1
