"""What a detector calls what it finds, in English and in Chinese: rows of words beside its code.

A detector may have `words`, a mapping of its kinds, and `names`, a mapping of its evidence and facts:

    words: ClassVar[Mapping[str, Words]] = {
        "plume": Words(
            Phrase("a plume[ from {from_deg}°][ at {speed_km_h} km/h]", "烟羽[，来自 {from_deg}°][，速度 {speed_km_h} km/h]")
        )
    }
    names: ClassVar[Mapping[str, Phrase]] = {"arrival": Phrase("order of arrival", "到达次序")}

`{name}` stands for a fact, or for `{interval}`, how often a result is due; a part in brackets is left out where a number
in it is not known. What has no words is told by its own name. The sentences are made in `detectors.core.explain`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrase:
    """The same in both languages. No capital at the beginning, no full stop."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Words:
    """Of one kind. `what` is a few words that go after "TEMP at Dongsi:"."""

    what: Phrase
    normal: Phrase | None = None
    """After "normal would be": the rule. None: what lies in the band is normal."""
    band: Phrase = Phrase("expected", "预期")
    """The word before the band."""
    plain: bool = False
    """Result and band say it all: `what` is told only where there is no result, and at the end."""
