"""Every reason why a text cannot come into force: what it says, what its examples give, and what is in force already."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Datastream, Thing
from detectors.core.discovery import all_detectors
from registry.types import Known, same_reading
from sensors.compile import CompiledType, compile_type
from sensors.declaration import SensorType
from sensors.examples import check_examples
from sensors.parsing import parse
from sensors.registry import one_a_topic

_VERSION = re.compile(r"^(version\s*=\s*)\d+", re.MULTILINE)


def check(text: str, name: str = "sensor type") -> CompiledType:
    """A text as a type of its own.

    Raises:
        DeclarationError: with all its faults.
    """
    compiled = compile_type(parse(text, name))
    faults: list[str] = []
    _collect(faults, lambda: check_examples(compiled, time.time_ns() // 1000))
    _collect(faults, lambda: check_detectors(compiled))
    if faults:
        raise DeclarationError(name=name, count=len(faults), faults="\n".join(faults))
    return compiled


def check_change(text: str, known: Known, name: str = "sensor type") -> SensorType:
    """A text as the next thing in force.

    Raises:
        DeclarationError: with all reasons against it.
    """
    declared = check(text, name).declared
    faults: list[str] = []
    _collect(faults, lambda: _check_version(declared, known))
    _collect(faults, lambda: _check_topic(declared, known))
    _collect(faults, lambda: _check_units(declared, known))
    if faults:
        raise DeclarationError(name=declared.name, count=len(faults), faults="\n".join(faults))
    return declared


def faults_of(error: DeclarationError) -> list[str]:
    """The faults, one text each."""
    return str(error.facts["faults"]).removeprefix("- ").split("\n- ")


def raised(text: str, known: Known) -> str:
    """The text with the version that follows all that are known, unless what it says is known under its own.

    Raises:
        DeclarationError: it has faults.
    """
    declared = parse(text)
    same = known.version(declared.name, declared.version)
    if same is not None and same_reading(same.declared, declared):
        return text
    newest = max(known.versions(declared.name), default=0)
    return text if declared.version > newest else _VERSION.sub(rf"\g<1>{newest + 1}", text, count=1)


def check_detectors(compiled: CompiledType) -> None:
    """Whether there are the detectors that a type names, and whether they take its parameters.

    Raises:
        DeclarationError: not all.
    """
    declared, faults = compiled.declared, []
    sample = Datastream(0, Thing(0, "", "", "", 0), "", "", "", declared.name, declared.version, 1_000_000)
    for i, prop in enumerate(declared.properties):
        for use in compiled.detectors_of(prop.name):
            known = all_detectors()
            if use.name not in known:
                faults.append(f"- at $.properties[{i}]: no detector {use.name!r}; there are {', '.join(sorted(known))}")
                continue
            try:
                known[use.name].parameters_of(dict(use.parameters), sample)
            except ValueError as error:
                faults.append(f"- at $.properties[{i}], detector {use.name}: {error}")
    if faults:
        raise DeclarationError(name=declared.name, count=len(faults), faults="\n".join(dict.fromkeys(faults)))


def _collect(faults: list[str], look: Callable[[], None]) -> None:
    try:
        look()
    except DeclarationError as error:
        faults.append(str(error.facts["faults"]))


def _fault(declared: SensorType, *faults: str) -> DeclarationError:
    return DeclarationError(name=declared.name, count=len(faults), faults="\n".join(f"- at {one}" for one in faults))


def _check_version(declared: SensorType, known: Known) -> None:
    versions = known.versions(declared.name)
    newest = max(versions, default=0)
    same = versions.get(declared.version)
    mend = f"raise it to {newest + 1}, or let `--next` do it"
    if same is not None and not same_reading(same.declared, declared):
        raise _fault(declared, f"$.version: {declared.version} is known and says something else; {mend}")
    if same is None and declared.version < newest:
        raise _fault(declared, f"$.version: expected one after {newest}, got {declared.version}; {mend}")


def _check_topic(declared: SensorType, known: Known) -> None:
    others = {}
    for name, version in known.in_force().items():
        if name != declared.name:
            try:
                others[name] = known.found(name, version).declared
            except DeclarationError:  # who cannot be read takes no topic
                continue
    one_a_topic({**others, declared.name: declared})


def _check_units(declared: SensorType, known: Known) -> None:
    """The unit of a Datastream never changes: results of years would mean something else."""
    faults = []
    before: dict[str, tuple[str, int]] = {}
    for number, version in known.versions(declared.name).items():
        try:
            earlier = version.declared
        except DeclarationError:
            continue
        for prop in earlier.properties:
            before.setdefault(prop.datastream or prop.name, (prop.unit, number))
    for i, prop in enumerate(declared.properties):
        unit, number = before.get(prop.datastream or prop.name, (prop.unit, 0))
        if unit != prop.unit:
            faults.append(
                f"$.properties[{i}].unit: Datastream {prop.datastream or prop.name!r} is in {unit} since version"
                f" {number}, got {prop.unit}: a new unit is a new Datastream; give it another name"
            )
    if faults:
        raise _fault(declared, *faults)
