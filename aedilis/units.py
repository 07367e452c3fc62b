"""Units as people write them: µg/m³ and °C, from the UCUM codes that Datastreams carry. No conversion here."""

from __future__ import annotations

import re
from functools import lru_cache

_WHOLE = {"1": "", "kW.h": "kWh", "W.h": "Wh", "dB(A)": "dB(A)"}
_ATOMS = {"Cel": "°C", "[degF]": "°F", "deg": "°", "Ohm": "Ω", "'": "′", "10*": "10"}
_MICRO = re.compile(r"u(?=(g|m|s|L|l|V|A|W|F|H|S|Sv|Gy|Pa|mol|Ohm)$)")
_POWER = re.compile(r"(?<=[A-Za-z\]*])([+-]?\d+)$")
_ANNOTATION = re.compile(r"\{([^}]*)\}")
_SUPERSCRIPT = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")


@lru_cache(maxsize=1024)
def written(unit: str) -> str:
    """The code as people write it; what is not known stays as it is.

    For instance `ug/m3` → µg/m³, `Cel` → °C, `1` → nothing, `{visitors}/h` → visitors/h, `EUR/kg` → EUR/kg.
    """
    if unit in _WHOLE:
        return _WHOLE[unit]
    return "/".join("·".join(_atom(atom) for atom in part.split(".")) for part in unit.split("/"))


def with_unit(number: str, unit: str) -> str:
    """A number that was made text, with its unit (UCUM): 182 µg/m³, 45°, 7."""
    shown = written(unit)
    return number + shown if shown in ("", "°", "′") else f"{number} {shown}"


def _atom(code: str) -> str:
    code = _ANNOTATION.sub(r"\1", code)
    power = _POWER.search(code)
    exponent = power[1].translate(_SUPERSCRIPT) if power else ""
    base = code[: power.start()] if power else code
    base = _ATOMS.get(base, _MICRO.sub("µ", base))
    return base.strip("[]") + exponent
