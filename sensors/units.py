"""What units are worth: UCUM codes and the conversion between two of them, exact. How units are spelt is `spellings`.

A code is taken apart here and not by pint: that would read `dB(A)` as ampere times decibel and `a` as whatever it likes.
pint, which takes a third of a second to load, is asked for the sizes of what is left, and only by types that convert.
Our own: currencies by their ISO 4217 code, `[jin]` (500 g), `dB(A)`, and each annotation such as `{visitors}`, which is a
quantity of its own: visitors are no cars.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sensors.spellings import WHOLE, candidates

if TYPE_CHECKING:
    from sensors.declaration import Gas

Conversion = tuple[float, float, float]
"""(times, plus, over): (value · times + plus) / over is in the other unit. One division of whole numbers rounds once:
101325 Pa is 1013.25 hPa and 212 °F is 100 °C to the last bit.
"""
SAME: Conversion = (1.0, 0.0, 1.0)

_GAS_CONSTANT = Fraction("8.31446261815324")  # J/(mol·K), exact since the SI of 2019
_LONGEST = 60


@lru_cache(maxsize=4096)
def known(unit: str) -> bool:
    """Whether it is a UCUM code, or one of our own."""
    return _parsed(unit) is not None


@lru_cache(maxsize=4096)
def alias(text: str) -> str | None:
    """The UCUM code that a spelling means: °C, ℃, C → Cel; µg/m³, GQ → ug/m3; a code is itself. None if nobody knows."""
    if len(text) > _LONGEST:
        return None
    return next((code for code in candidates(text) if known(code)), None)


def nearest(unit: str) -> list[str]:
    """Up to three codes that may have been meant by what is none."""
    meant = alias(unit)
    if meant is not None:
        return [meant]
    common = dict.fromkeys([*WHOLE.values(), *WHOLE, *_METRIC, *_PLAIN])
    close = difflib.get_close_matches(unit[:_LONGEST], [spelling for spelling in common if spelling], n=3, cutoff=0.5)
    return list(dict.fromkeys(WHOLE.get(spelling, spelling) for spelling in close))


def conversion(of: str, to: str, gas: Gas | None = None) -> Conversion:
    """What turns a number in `of`, a UCUM code or a spelling of one, into the UCUM code `to`.

    With a gas, shares of volume become masses in a volume and back: of c (m³/m³), c · p·M / (R·T) g/m³, the ideal gas.

    Raises:
        ValueError: one is no unit, they are of different quantities, or a gas is lacking or of no use.
    """
    of = alias(of) or of
    if of == to and known(of) and gas is None:
        return SAME
    one, other = _asked(of), _asked(to)
    if one.own != other.own:
        raise ValueError(f"{of} and {to} are of different quantities; none can be converted into the other")
    if gas is not None:
        return _of_gas(one, other, gas, f"{of} and {to}")
    try:
        slope, offset = _affine(one, other)
    except ValueError as error:
        problem = f"{of} and {to} are of different quantities; "
        if {bool(one.sizes), bool(other.sizes)} == {True, False} and not one.own:
            mend = "a share of volume and a mass in a volume meet with gas = { molar_mass = 46.0055, temperature = 20 }"
        else:
            mend = "none can be converted into the other"
        raise ValueError(problem + mend) from error
    return _whole(slope, offset)


# ---------------------------------------------------------------- codes


class _Parsed(NamedTuple):
    factor: Fraction
    sizes: frozenset[tuple[str, int]]  # (pint's name, exponent)
    own: frozenset[tuple[str, int]]  # (a quantity that is ours, exponent)


_POWERS = {
    **{"da": 1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Z": 21, "Y": 24},
    **{"d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24},
}
"""Prefix → power of ten."""
_METRIC: dict[str, tuple[Fraction | int, str]] = {
    **{"m": (1, "meter"), "g": (1, "gram"), "s": (1, "second"), "K": (1, "kelvin"), "A": (1, "ampere")},
    **{"mol": (1, "mole"), "cd": (1, "candela"), "rad": (1, "radian"), "sr": (1, "steradian"), "Hz": (1, "hertz")},
    **{"N": (1, "newton"), "Pa": (1, "pascal"), "J": (1, "joule"), "W": (1, "watt"), "V": (1, "volt")},
    **{"C": (1, "coulomb"), "F": (1, "farad"), "Ohm": (1, "ohm"), "S": (1, "siemens"), "Wb": (1, "weber")},
    **{"T": (1, "tesla"), "H": (1, "henry"), "lm": (1, "lumen"), "lx": (1, "lux"), "Bq": (1, "becquerel")},
    **{"Gy": (1, "gray"), "Sv": (1, "sievert"), "Ci": (1, "curie"), "eV": (1, "electron_volt")},
    **{"l": (1, "liter"), "L": (1, "liter"), "t": (1, "metric_ton"), "ar": (100, "meter**2"), "bar": (1, "bar")},
    **{"cal": (1, "calorie"), "By": (8, "bit"), "bit": (1, "bit"), "P": (Fraction(1, 10), "pascal*second")},
    **{"m[Hg]": (133_322, "pascal"), "m[H2O]": (Fraction("9806.65"), "pascal")},
}
"""UCUM's metric atoms, which take prefixes: how much of what pint calls by this name."""
_PLAIN: dict[str, tuple[Fraction | int, str]] = {
    **{
        "1": (1, ""),
        "%": (Fraction(1, 100), ""),
        "[ppth]": (Fraction(1, 10**3), ""),
        "[ppm]": (Fraction(1, 10**6), ""),
    },
    **{"[ppb]": (Fraction(1, 10**9), ""), "[pptr]": (Fraction(1, 10**12), ""), "10*": (10, ""), "10^": (10, "")},
    **{"deg": (1, "degree"), "'": (1, "arcminute"), "''": (1, "arcsecond"), "gon": (1, "grade")},
    **{"min": (60, "second"), "h": (3600, "second"), "d": (86_400, "second"), "wk": (604_800, "second")},
    **{"mo": (2_629_800, "second"), "a": (31_557_600, "second")},
    **{"[in_i]": (1, "inch"), "[ft_i]": (1, "foot"), "[yd_i]": (1, "yard"), "[mi_i]": (1, "mile")},
    **{"[nmi_i]": (1, "nautical_mile"), "[kn_i]": (1, "knot"), "[gal_us]": (1, "gallon"), "[acr_us]": (1, "acre")},
    **{"[gal_br]": (1, "imperial_gallon"), "[lb_av]": (1, "pound"), "[oz_av]": (1, "ounce"), "[jin]": (500, "gram")},
    **{"atm": (101_325, "pascal"), "[psi]": (1, "psi"), "[in_i'Hg]": (Fraction("3386.3788"), "pascal")},
}
"""Likewise the atoms without prefixes. UCUM's year is Julian, its month a twelfth of that."""
_DEGREES = {
    "Cel": ("degree_Celsius", "delta_degree_Celsius"),
    "[degF]": ("degree_Fahrenheit", "delta_degree_Fahrenheit"),
}
"""Temperatures: alone with their own zero, in a product a difference."""
_ALONE = frozenset({"dB(A)", "dB(B)", "dB(C)", "dB(Z)", "dB", "B", "dB[SPL]", "B[SPL]", "Np", "[pH]", "[NTU]", "[FTU]"})
"""Levels and arbitrary units: they convert into themselves only."""
_CURRENCIES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV "
    "WST XAF XCD XOF XPF YER ZAR ZMW ZWG"
)
_ANNOTATED = re.compile(r"([^{}]*)(\{[!-z|~]*\})?")
_EXPONENT = re.compile(r"(.*[^\d+-])([+-]?\d{1,2})")


def _asked(unit: str) -> _Parsed:
    parsed = _parsed(unit)
    if parsed is None:
        close = nearest(unit)
        mend = f"; do you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"{unit[:_LONGEST]!r} is no UCUM code{mend}")
    return parsed


@lru_cache(maxsize=4096)
def _parsed(unit: str) -> _Parsed | None:
    if not 0 < len(unit) <= _LONGEST or not unit.isascii():
        return None
    if unit in _ALONE:
        return _Parsed(Fraction(1), frozenset(), frozenset({(unit, 1)}))
    if unit in _DEGREES:
        return _Parsed(Fraction(1), frozenset({(_DEGREES[unit][0], 1)}), frozenset())
    return _product(unit)


def _product(code: str) -> _Parsed | None:
    """`a.b/c`, from left to right; a leading `/` too."""
    factor, sizes, own = Fraction(1), Counter[str](), Counter[str]()
    for sign, component in _components(code):
        part = _component(component)
        if part is None:
            return None
        factor *= part.factor**sign
        for counter, found in ((sizes, part.sizes), (own, part.own)):
            for name, exponent in found:
                counter[name] += sign * exponent
    return _Parsed(factor, _nonzero(sizes), _nonzero(own))


def _nonzero(counter: Counter[str]) -> frozenset[tuple[str, int]]:
    return frozenset((name, exponent) for name, exponent in counter.items() if exponent)


def _components(code: str) -> list[tuple[int, str]]:
    """(1 or -1, what is multiplied or divided by), at this level of brackets."""
    found, sign, start, level = [], 1, 0, 0
    if code[:1] == "/":
        sign, start = -1, 1
    for i in range(start, len(code)):
        if code[i] in "([{":
            level += 1
        elif code[i] in ")]}":
            level -= 1
        elif level == 0 and code[i] in "./":
            found.append((sign, code[start:i]))
            sign, start = (1 if code[i] == "." else -1), i + 1
    return [*found, (sign, code[start:])]


def _component(text: str) -> _Parsed | None:
    matched = _ANNOTATED.fullmatch(text)
    if matched is None:
        return None
    base, annotation = matched.groups()
    if not base:
        own = frozenset({(annotation, 1)}) if annotation and len(annotation) > 2 else None
        return None if own is None else _Parsed(Fraction(1), frozenset(), own)
    if base[0] == "(" and base[-1] == ")":
        return _product(base[1:-1])
    if base.isdigit():
        return _Parsed(Fraction(int(base)), frozenset(), frozenset()) if int(base) else None
    found = _atom(base, 1)
    if found is None and (split := _EXPONENT.fullmatch(base)) is not None:
        found = _atom(split[1], int(split[2]))
    return found


def _atom(code: str, exponent: int) -> _Parsed | None:
    if code in _DEGREES:
        return _Parsed(Fraction(1), frozenset({(_DEGREES[code][1], exponent)}), frozenset())
    if len(code) == 3 and code.isalpha() and code in _CURRENCIES:
        return _Parsed(Fraction(1), frozenset(), frozenset({(code, exponent)}))
    size = _PLAIN.get(code) or _METRIC.get(code)
    prefix = ""
    if size is None:
        prefix = next((one for one in _POWERS if code.startswith(one) and code[len(one) :] in _METRIC), "")
        if not prefix:
            return None
        size = _METRIC[code[len(prefix) :]]
    factor, name = size
    scale = Fraction(10) ** _POWERS[prefix] if prefix else Fraction(1)
    return _Parsed((scale * factor) ** exponent, frozenset({(name, exponent)} if name else ()), frozenset())


# ---------------------------------------------------------------- sizes


def _affine(one: _Parsed, other: _Parsed) -> tuple[Fraction, Fraction]:
    """(slope, offset) between units of one quantity."""
    if one.sizes == other.sizes:
        return one.factor / other.factor, Fraction(0)
    import pint

    try:
        registry = _registry()
        zero, unit = (
            Fraction(registry.Quantity(i * one.factor, _named(one)).to(_named(other)).magnitude) / other.factor
            for i in (Fraction(0), Fraction(1))
        )
    except pint.PintError as error:  # pint 0.25 cannot put it into words when numbers are fractions
        raise ValueError("of different quantities") from error
    return unit - zero, zero


def _named(parsed: _Parsed) -> str:
    return " * ".join(f"({name}) ** {exponent}" for name, exponent in sorted(parsed.sizes)) or "dimensionless"


def _of_gas(one: _Parsed, other: _Parsed, gas: Gas, both: str) -> Conversion:
    share, mass = _asked("1"), _asked("g/m3")
    kelvin = Fraction(str(gas.temperature)) + Fraction("273.15")
    density = Fraction(str(gas.pressure)) * 100 * Fraction(str(gas.molar_mass)) / (_GAS_CONSTANT * kelvin)
    try:
        if not one.sizes and other.sizes:
            return _whole(_affine(one, share)[0] * density * _affine(mass, other)[0], Fraction(0))
        if not other.sizes and one.sizes:
            return _whole(_affine(one, mass)[0] / density * _affine(share, other)[0], Fraction(0))
    except ValueError:
        pass  # the other is no mass in a volume
    raise ValueError(f"a gas is of use between a share of volume and a mass in a volume only, not between {both}")


def _whole(slope: Fraction, offset: Fraction) -> Conversion:
    over = math.lcm(slope.denominator, offset.denominator)
    try:
        return float(slope * over), float(offset * over), float(over)
    except OverflowError as error:
        raise ValueError("one is too small beside the other for any float") from error


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True, non_int_type=Fraction)
