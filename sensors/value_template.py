"""The part of Jinja that devices use to say where a value is: `{{ value_json.battery | float / 10 }}`.

A template is one expression in `{{ }}`, compiled once to nested functions. There is `value` (the payload's text) and
`value_json` (its content), members by `.name` and `['name']` or `[0]`, numbers, text, brackets, `+ - * / // %` between
numbers, comparisons, `A if B else C`, and the filters float, int, round, abs and default. Filters bind tighter than
arithmetic, as in Jinja. What is not there, such as calls, loops and powers, is refused when the template is compiled, so
that its time and size are bounded by its length. Source: Jinja 3.1, template designer documentation; Home Assistant's
float, int and round.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

_LONGEST = 500
_DEEPEST = 20
_LARGEST = 10**300
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)
      | (?P<text>'[^'\\]*'|"[^"\\]*")
      | (?P<name>[A-Za-z_]\w*)
      | (?P<mark>//|==|!=|<=|>=|[.\[\]()|,+\-*/%<>])
      | (?P<end>$)
    )""",
    re.VERBOSE | re.ASCII,
)
_WHOLE = re.compile(r"\s*\{\{-?(.*?)-?\}\}\s*", re.DOTALL)
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_SUM = {"+": operator.add, "-": operator.sub}
_PRODUCT = {"*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod}
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Absent(Enum):
    """That the payload does not hold what a template asks for."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT
_Evaluate = Callable[[Any, Any], Any]
"""(value, value_json) → result."""


class OutsideOfTemplates(ValueError):
    """The template is none of those that are read; the text says what and where."""


class Template(NamedTuple):
    """A compiled template."""

    evaluate: _Evaluate
    reads_json: bool

    def __call__(self, value: str, content: Any) -> Any:
        """What a payload of this text and content says; ABSENT where it does not hold it.

        Raises:
            ValueError: it holds it and it cannot be read so.
        """
        try:
            result = self.evaluate(value, content)
        except (ArithmeticError, RecursionError) as error:
            raise ValueError(str(error)) from error
        if isinstance(result, int) and abs(result) > _LARGEST:
            raise ValueError("the result is larger than any float")
        return result


def compile_template(text: str) -> Template:
    """Read a template.

    Raises:
        OutsideOfTemplates: it is outside of what the module says.
    """
    whole = _WHOLE.fullmatch(text) if len(text) <= _LONGEST else None
    if whole is None:
        raise OutsideOfTemplates(
            f"expected one {{{{ expression }}}} of at most {_LONGEST} characters, got {text[:60]!r}"
        )
    parser = _Parser(whole[1])
    return Template(parser.whole(), parser.reads_json)


class _Parser:
    """Recursive descent; each method returns the function of what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.reads_json = False
        self.kind = self.token = ""
        self.step()

    def step(self) -> str:
        """Goes on to the next token; returns the one before."""
        before = self.token
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastgroup is None:
            raise OutsideOfTemplates(f"cannot read {self.text[self.at :].strip()[:30]!r} in {self.text.strip()[:60]!r}")
        self.at, self.kind, self.token = found.end(), found.lastgroup, found[found.lastgroup]
        return before

    def take(self, *tokens: str) -> str | None:
        """The token, where it is one of these and no text."""
        return self.step() if self.kind in ("mark", "name") and self.token in tokens else None

    def expect(self, token: str) -> None:
        if self.take(token) is None:
            raise self.outside(f"expected {token!r}")

    def outside(self, why: str) -> OutsideOfTemplates:
        got = repr(self.token) if self.token else "the end"
        return OutsideOfTemplates(f"{why}, got {got} in {self.text.strip()[:60]!r}")

    def whole(self) -> _Evaluate:
        made = self.choice()
        if self.kind != "end":
            raise self.outside("expected the end")
        return made

    def choice(self) -> _Evaluate:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.outside(f"nested deeper than {_DEEPEST}")
        made = self.comparison()
        if self.take("if"):
            condition = self.comparison()
            self.expect("else")
            made = _either(condition, made, self.choice())
        self.depth -= 1
        return made

    def comparison(self) -> _Evaluate:
        made = self.sum()
        mark = self.take(*_COMPARED)
        return _comparing(_COMPARED[mark], made, self.sum()) if mark else made

    def sum(self) -> _Evaluate:
        made = self.product()
        while mark := self.take(*_SUM):
            made = _calculating(_SUM[mark], made, self.product())
        return made

    def product(self) -> _Evaluate:
        made = self.filtered()
        while mark := self.take(*_PRODUCT):
            made = _calculating(_PRODUCT[mark], made, self.filtered())
        return made

    def filtered(self) -> _Evaluate:
        made = self.signed()
        while self.take("|"):
            name = self.step() if self.kind == "name" else ""
            if name not in _FILTERS:
                self.token = name or self.token
                raise self.outside(f"expected a filter of {', '.join(_FILTERS)}")
            given: list[_Evaluate] = []
            if self.take("(") and not self.take(")"):
                given.append(self.choice())
                self.expect(")")
            made = _filtering(_FILTERS[name], made, given[0] if given else None)
        return made

    def signed(self) -> _Evaluate:
        if self.take("-"):
            return _calculating(operator.sub, _constant(0), self.member())
        self.take("+")
        return self.member()

    def member(self) -> _Evaluate:
        made = self.primary()
        while True:
            if self.take("."):
                if self.kind != "name" and not self.token.isdecimal():
                    raise self.outside("expected a name")
                key = self.step()
                made = _member(made, _constant(int(key) if key.isdecimal() else key))
            elif self.take("["):
                made = _member(made, self.choice())
                self.expect("]")
            elif self.kind == "mark" and self.token == "(":
                raise self.outside("nothing can be called")
            else:
                return made

    def primary(self) -> _Evaluate:
        if self.kind == "number":
            token = self.step()
            return _constant(int(token) if token.isdecimal() else float(token))
        if self.kind == "text":
            return _constant(self.step()[1:-1])
        if self.take("("):
            made = self.choice()
            self.expect(")")
            return made
        if self.take("value"):
            return lambda value, content: value
        if self.take("value_json"):
            self.reads_json = True
            return lambda value, content: content
        if self.kind == "name" and self.token in _CONSTANTS:
            return _constant(_CONSTANTS[self.step()])
        raise self.outside("expected value, value_json, a number or a text")


# ---------------------------------------------------------------- what they become


def _constant(constant: Any) -> _Evaluate:
    return lambda value, content: constant


def _member(of: _Evaluate, key: _Evaluate) -> _Evaluate:
    def evaluate(value: Any, content: Any) -> Any:
        whole, name = of(value, content), key(value, content)
        if isinstance(whole, dict):
            return whole.get(name, ABSENT) if isinstance(name, str) else ABSENT
        if isinstance(whole, list) and isinstance(name, int) and -len(whole) <= name < len(whole):
            return whole[name]
        return ABSENT

    return evaluate


def _either(condition: _Evaluate, so: _Evaluate, otherwise: _Evaluate) -> _Evaluate:
    def evaluate(value: Any, content: Any) -> Any:
        decided = condition(value, content)
        return (so if decided is not ABSENT and decided else otherwise)(value, content)

    return evaluate


def _comparing(compare: Callable[[Any, Any], Any], left: _Evaluate, right: _Evaluate) -> _Evaluate:
    def evaluate(value: Any, content: Any) -> Any:
        one, other = left(value, content), right(value, content)
        if one is ABSENT or other is ABSENT:
            return False
        try:
            return bool(compare(one, other))
        except TypeError as error:
            raise ValueError(f"cannot compare {str(one)[:30]!r} and {str(other)[:30]!r}") from error

    return evaluate


def _calculating(calculate: Callable[[Any, Any], Any], left: _Evaluate, right: _Evaluate) -> _Evaluate:
    def evaluate(value: Any, content: Any) -> Any:
        numbers = []
        for side in (left, right):
            number = side(value, content)
            if number is ABSENT or number is None:
                return number
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"expected a number, got {str(number)[:30]!r}; the template lacks | float")
            numbers.append(number)
        return calculate(*numbers)

    return evaluate


def _filtering(convert: Callable[[Any, Any], Any], of: _Evaluate, given: _Evaluate | None) -> _Evaluate:
    def evaluate(value: Any, content: Any) -> Any:
        return convert(of(value, content), ABSENT if given is None else given(value, content))

    return evaluate


def _float(value: Any, otherwise: Any) -> Any:
    if value is ABSENT or value is None:
        return value if otherwise is ABSENT else otherwise
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        if otherwise is not ABSENT:
            return otherwise
        raise ValueError(f"expected a number, got {str(value)[:30]!r}") from error


def _int(value: Any, otherwise: Any) -> Any:
    number = value if isinstance(value, int) else _float(value, otherwise)
    return int(number) if isinstance(number, int | float) else number


def _round(value: Any, digits: Any) -> Any:
    number = _float(value, ABSENT)
    if number is ABSENT or number is None:
        return number
    if digits is ABSENT or digits == 0:
        return round(number)
    if not isinstance(digits, int):
        raise ValueError(f"expected a number of digits, got {str(digits)[:30]!r}")
    return round(number, digits)


def _abs(value: Any, _: Any) -> Any:
    number = _float(value, ABSENT)
    return number if number is ABSENT or number is None else abs(number)


def _default(value: Any, otherwise: Any) -> Any:
    if value is ABSENT:
        return "" if otherwise is ABSENT else otherwise
    return value


_FILTERS: dict[str, Callable[[Any, Any], Any]] = {
    "float": _float,
    "int": _int,
    "round": _round,
    "abs": _abs,
    "default": _default,
    "d": _default,
}
