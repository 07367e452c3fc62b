"""The language of `compute`: arithmetic over named numbers, and nothing else. `docs/expressions.md` tells it to engineers.

A text is read by Python's own parser, each node of the tree must be one that stands here, and what is left is compiled
once. All is done in floats, so that no number can grow; there is no loop, so that time is bounded by the text's length.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

LONGEST = 500
"""Characters of an expression."""
DEEPEST = 50
"""Operations inside each other; in `a + b + c` there are two."""


def _clamp(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "min": (min, 2, 20),
    "max": (max, 2, 20),
    "abs": (abs, 1, 1),
    "round": (round, 1, 2),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "log10": (math.log10, 1, 1),
    "pow": (math.pow, 2, 2),
    "clamp": (_clamp, 3, 3),
}
"""Name → function, least and most arguments."""

_OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.UAdd),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.And, ast.Or, ast.Not),
)
_STRANGE = re.compile(r"[^A-Za-z0-9_ .,()+\-*/%<>=!]")
_GLUED = re.compile(r"(?<![\w.])(?>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[A-Za-z_]\w*")
"""A number that goes on as a word: `1or 2`, `0x10`, `1_000`, `2j`."""
_WORDS = {
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.Lambda: "a lambda",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.YieldFrom: "`yield`",
    ast.Tuple: "a list of values",
    ast.Starred: "a star",
    ast.GeneratorExp: "a comprehension",
    ast.Pow: "`**` (write pow(x, y))",
    ast.Is: "`is` (write ==)",
    ast.IsNot: "`is not` (write !=)",
    ast.In: "`in`",
    ast.NotIn: "`not in`",
}
_TOO_DEEP = f"nested too deep; expected at most {DEEPEST} operations inside each other"
_NAME_OF_VALUES = "_values"


class Expression:
    """A compiled expression. It is a function of its values: the same values give the same bits."""

    __slots__ = ("_run", "names", "text")

    def __init__(self, text: str, names: frozenset[str], run: Callable[[Mapping[str, float]], float]) -> None:
        self.text = text
        self.names = names
        """Those of the names that it uses."""
        self._run = run

    def __call__(self, values: Mapping[str, float]) -> float:
        """The result for these values, which hold at least `names`.

        It is not finite where a value is not, and may be so where a sum or a product is beyond any float.

        Raises:
            ArithmeticError: a division by zero, a number beyond any float, the root or the logarithm of what has none.
        """
        try:
            return self._run(values)
        except ValueError as error:  # the root of -1, the whole part of NaN
            raise ArithmeticError(f"in {self.text!r}: {error}") from error

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def compile_expression(text: str, names: Collection[str]) -> Expression:
    """Compile an expression over these names.

    Raises:
        ValueError: it says at which column it is not of the language, and what is allowed.
    """
    for name in sorted(names):
        if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name) or name == _NAME_OF_VALUES:
            raise ValueError(f"{name!r} is no name for an expression; expected letters, digits and _")
        if name in FUNCTIONS:
            raise ValueError(f"{name!r} is a function of the language; give the value another name")
    if len(text) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} characters, got {len(text)}")
    if strange := _STRANGE.search(text):
        raise _refusal(strange.start(), f"{strange[0]!r}", names)
    if glued := _GLUED.search(text):
        raise _refusal(glued.start(), f"{glued[0]!r}", names)
    leading = len(text) - len(text.lstrip())
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        column = min((error.offset or 1) + leading, len(text) + 1)
        raise ValueError(f"at column {column}: {error.msg}; {_allowed(names)}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(_TOO_DEEP) from error
    checked = _Checked(names, leading)
    body = checked.expression(tree.body, 1)
    code = ast.Expression(
        ast.Lambda(
            ast.arguments(posonlyargs=[], args=[ast.arg(_NAME_OF_VALUES)], kwonlyargs=[], kw_defaults=[], defaults=[]),
            ast.Call(ast.Name("float", ast.Load()), [body], []),
        )
    )
    scope: dict[str, Any] = {name: function for name, (function, _, _) in FUNCTIONS.items()}
    scope |= {"float": float, "__builtins__": {}}
    run = eval(compile(ast.fix_missing_locations(code), "<compute>", "eval"), scope)
    return Expression(text, frozenset(checked.used), run)


class _Checked:
    """Turns a parsed tree into one that holds nothing but what was looked at."""

    def __init__(self, names: Collection[str], leading: int) -> None:
        self._names = names
        self._leading = leading
        self.used: set[str] = set()

    def expression(self, node: ast.expr, depth: int) -> ast.expr:
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(node, number)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.BinOp(left, operator, right):
                left, right = self.expression(left, depth + 1), self.expression(right, depth + 1)
                return ast.BinOp(left, self._operator(operator, node), right)
            case ast.UnaryOp(operator, operand):
                return ast.UnaryOp(self._operator(operator, node), self.expression(operand, depth + 1))
            case ast.BoolOp(operator, values):
                parts = [self.expression(value, depth + 1) for value in values]
                return ast.BoolOp(self._operator(operator, node), parts)
            case ast.Compare(left, operators, comparators):
                parts = [self.expression(part, depth + 1) for part in (left, *comparators)]
                return ast.Compare(parts[0], [self._operator(one, node) for one in operators], parts[1:])
            case ast.IfExp(test, body, orelse):
                parts = [self.expression(part, depth + 1) for part in (test, body, orelse)]
                return ast.IfExp(*parts)
            case ast.Call(ast.Name(id=name), arguments, []) if name in FUNCTIONS:
                return self._call(node, name, arguments, depth)
        raise self._refusal(node)

    def _number(self, node: ast.expr, number: float) -> ast.expr:
        try:
            value = float(number)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise _refusal(node.col_offset + self._leading, "a number beyond any float", self._names)
        return ast.Constant(value)

    def _name(self, node: ast.expr, name: str) -> ast.expr:
        if name not in self._names:
            what = f"the function {name!r} without its (…)" if name in FUNCTIONS else f"the name {name!r}"
            raise _refusal(node.col_offset + self._leading, what, self._names)
        self.used.add(name)
        value = ast.Subscript(ast.Name(_NAME_OF_VALUES, ast.Load()), ast.Constant(name), ast.Load())
        return ast.BinOp(value, ast.Mult(), ast.Constant(1.0))  # a float, whatever number it was

    def _call(self, node: ast.expr, name: str, arguments: list[ast.expr], depth: int) -> ast.expr:
        _, least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            takes = f"{least}" if least == most else f"{least} to {most}"
            what = f"{name} with {len(arguments)} arguments, it takes {takes}"
            raise _refusal(node.col_offset + self._leading, what, self._names)
        parts = [self.expression(argument, depth + 1) for argument in arguments]
        if name == "round" and len(parts) == 2:
            digits = getattr(arguments[1], "value", None)
            if type(digits) is not int or not 0 <= digits <= 15:
                what = "digits of round that are not a plain number from 0 to 15"
                raise _refusal(arguments[1].col_offset + self._leading, what, self._names)
            parts[1] = ast.Constant(digits)
        return ast.Call(ast.Name(name, ast.Load()), parts, [])

    def _operator(self, operator: Any, node: ast.expr) -> Any:
        if not isinstance(operator, _OPERATORS):
            raise _refusal(node.col_offset + self._leading, _WORDS.get(type(operator), "an operator"), self._names)
        return operator

    def _refusal(self, node: ast.expr) -> ValueError:
        match node:
            case ast.Call(ast.Name(id=name), _, keywords):
                what = f"{name}(…) with a keyword" if keywords and name in FUNCTIONS else f"the function {name!r}"
            case ast.Call():
                what = "a call of what is no function"
            case ast.Constant(value=value):
                what = f"{value!r}"
            case _:
                what = _WORDS.get(type(node), type(node).__name__)
        return _refusal(node.col_offset + self._leading, what, self._names)


def _refusal(offset: int, what: str, names: Collection[str]) -> ValueError:
    return ValueError(f"at column {offset + 1}: {what} is not allowed; {_allowed(names)}")


def _allowed(names: Collection[str]) -> str:
    named = f"the names {', '.join(sorted(names)[:20])}" if names else "no names, for none is declared"
    return (
        f"allowed are numbers, {named}, + - * / // %, < <= > >= == !=, and or not, `x if c else y`, "
        f"and the functions {' '.join(FUNCTIONS)}"
    )
