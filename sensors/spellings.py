"""How payloads and people spell units: each spelling and the UCUM code that it means. What a code is worth is `units`.

Sources: UN/CEFACT Recommendation 20 (the codes of NGSI-LD), the SenML units registry of RFC 8428 and RFC 8798, the units
of Home Assistant and Tasmota, Chinese words of price boards and instruments.
"""

from __future__ import annotations

import unicodedata

WHOLE = {
    # temperature
    **dict.fromkeys(("°C", "C", "degC", "deg_C", "celsius", "CEL", "摄氏度", "度"), "Cel"),
    **dict.fromkeys(("°F", "F", "degF", "deg_F", "fahrenheit", "FAH", "华氏度"), "[degF]"),
    **dict.fromkeys(("KEL", "kelvin"), "K"),
    # shares
    **dict.fromkeys(("%RH", "RH%", "%rH", "P1", "percent", "%EL"), "%"),
    **dict.fromkeys(("", "/", "C62", "ratio", "unitless"), "1"),
    **dict.fromkeys(("ppm", "ppmv", "59"), "[ppm]"),
    **dict.fromkeys(("ppb", "ppbv", "61"), "[ppb]"),
    **dict.fromkeys(("ppt", "pptv"), "[pptr]"),
    "‰": "[ppth]",
    # mass in a volume
    **dict.fromkeys(("GQ", "ug/m^3", "ugm3", "ug/Nm3"), "ug/m3"),
    **dict.fromkeys(("GP", "mg/Nm3"), "mg/m3"),
    **dict.fromkeys(("M1",), "mg/L"),
    # sound, light, radiation
    **dict.fromkeys(("dBA", "dB[A]", "dB_A", "A-weighted dB"), "dB(A)"),
    **dict.fromkeys(("2N", "分贝", "decibel"), "dB"),
    **dict.fromkeys(("LUX", "lux"), "lx"),
    "D54": "W/m2",
    **dict.fromkeys(("UV index", "UVI", "uvi"), "{UVI}"),
    # pressure
    **dict.fromkeys(("A97", "hpa"), "hPa"),
    "MBR": "mbar",
    **dict.fromkeys(("PAL", "pascal"), "Pa"),
    "KPA": "kPa",
    "ATM": "atm",
    **dict.fromkeys(("mmHg", "torr", "HN"), "mm[Hg]"),
    **dict.fromkeys(("inHg", "F79"), "[in_i'Hg]"),
    **dict.fromkeys(("psi", "PS"), "[psi]"),
    # length, area, volume, speed
    **dict.fromkeys(("MTR", "米"), "m"),
    **dict.fromkeys(("MMT", "毫米"), "mm"),
    "CMT": "cm",
    "KMT": "km",
    **dict.fromkeys(("in", "inch", "INH", '"'), "[in_i]"),
    **dict.fromkeys(("ft", "FOT"), "[ft_i]"),
    **dict.fromkeys(("mi", "SMI"), "[mi_i]"),
    "MTK": "m2",
    **dict.fromkeys(("MTQ", "立方米"), "m3"),
    **dict.fromkeys(("LTR", "升"), "L"),
    **dict.fromkeys(("MTS", "mps", "米/秒"), "m/s"),
    **dict.fromkeys(("KMH", "kph", "kmh"), "km/h"),
    **dict.fromkeys(("mph", "HM"), "[mi_i]/h"),
    **dict.fromkeys(("kn", "kt", "kts", "knot", "KNT"), "[kn_i]"),
    "MQH": "m3/h",
    "MQS": "m3/s",
    # mass
    **dict.fromkeys(("KGM", "Kg", "KG", "公斤", "千克"), "kg"),
    **dict.fromkeys(("GRM", "克"), "g"),
    **dict.fromkeys(("TNE", "吨"), "t"),
    **dict.fromkeys(("斤", "市斤", "jin"), "[jin]"),
    **dict.fromkeys(("lb", "lbs", "LBR"), "[lb_av]"),
    **dict.fromkeys(("oz", "ONZ"), "[oz_av]"),
    # electricity
    **dict.fromkeys(("kWh", "KWH", "kwh", "度电"), "kW.h"),
    **dict.fromkeys(("Wh", "WHR"), "W.h"),
    "WTT": "W",
    "KWT": "kW",
    "VLT": "V",
    "AMP": "A",
    "HTZ": "Hz",
    **dict.fromkeys(("Ω", "ohm"), "Ohm"),
    # directions, time, counts
    **dict.fromkeys(("°", "DD", "degree", "degrees", "lat", "lon"), "deg"),
    **dict.fromkeys(("SEC", "sec", "秒"), "s"),
    **dict.fromkeys(("MIN", "minutes", "分钟"), "min"),
    **dict.fromkeys(("HUR", "hour", "hours", "hr", "小时"), "h"),
    **dict.fromkeys(("DAY", "days", "天"), "d"),
    **dict.fromkeys(("count", "pcs", "个"), "{count}"),
    **dict.fromkeys(("人", "人次", "people", "persons"), "{visitors}"),
    "beat/min": "{beat}/min",
    # water
    "pH": "[pH]",
    **dict.fromkeys(("NTU", "FNU"), "{NTU}"),
    # money
    **dict.fromkeys(("元", "RMB", "人民币"), "CNY"),
    "€": "EUR",
    "£": "GBP",
}
"""Spelling → UCUM. Some spell another thing in UCUM (C is coulomb, P1 poise): no sensor of a city means that."""

_FOLDED = {
    spelling.casefold(): code
    for spelling, code in [*((code, code) for code in WHOLE.values()), *reversed(WHOLE.items())]
    if len(spelling) >= 3  # one letter more or less is another unit in capitals
}
_MULTIPLIED = str.maketrans({"·": ".", "⋅": ".", "*": ".", " ": None, "^": None, "μ": "u", "−": "-"})


def candidates(text: str) -> list[str]:
    """UCUM codes that a spelling may mean, the likeliest first; not all of them need be codes.

    Width and form of characters do not count: ℃ is °C, ㎍/㎥ and µg/m³ are ug/m3.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if (code := WHOLE.get(plain)) is not None:
        return [code]
    found = [plain]
    plain = plain.replace("**", "").translate(_MULTIPLIED)
    found += [WHOLE.get(plain, plain), "/".join(WHOLE.get(part, part) for part in plain.split("/"))]
    if (code := _FOLDED.get(plain.casefold())) is not None:
        found.append(code)
    return found
