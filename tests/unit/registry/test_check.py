"""Every reason against a text is told, and nothing else."""

from __future__ import annotations

import pytest

from aedilis.errors import DeclarationError
from registry.check import check, check_change, faults_of, raised
from registry.types import Known
from sensors.parsing import parse
from sensors.registry import load_texts
from tests.unit.registry.lamps import known, lamp


def reasons(text: str, so_far: Known) -> list[str]:
    with pytest.raises(DeclarationError) as error:
        check_change(text, so_far)
    return faults_of(error.value)


def test_what_is_well_is_taken() -> None:
    assert check_change(lamp(), known()).name == "lamp"
    assert check_change(lamp(), known(lamp())).version == 1, "again"
    assert check_change(lamp(2), known(lamp())).version == 2
    assert check_change(lamp(1, **{"A lamp": "A lantern"}), known(lamp())).title == "A lantern"


def test_examples_and_detectors_are_told_together() -> None:
    text = lamp(**{"result = 1 ": "result = 2 ", "low = 0.0": "low = 9.0"})
    with pytest.raises(DeclarationError) as error:
        check(text)
    assert len(faults_of(error.value)) == 2
    assert "$.examples[0]" in str(error.value)
    assert "low < high" in str(error.value)


def test_a_version_says_one_thing_for_good() -> None:
    brighter = {"high = 5.0": "high = 6.0"}
    [fault] = reasons(lamp(1, **brighter), known(lamp(1), lamp(2)))
    assert "$.version: 1 is known and says something else; raise it to 3, or let `--next`" in fault
    [fault] = reasons(lamp(3, **brighter), known(lamp(1), lamp(4)))
    assert "expected one after 4, got 3" in fault


def test_next_raises_the_version_only_where_it_must() -> None:
    so_far = known(lamp(1), lamp(2))
    brighter = {"high = 5.0": "high = 6.0"}
    assert raised(lamp(1, **brighter), so_far) == lamp(3, **brighter)
    assert raised(lamp(1), so_far) == lamp(1)
    assert raised(lamp(7, **brighter), so_far) == lamp(7, **brighter)
    assert raised(lamp(1), known()) == lamp(1)


def test_a_topic_has_one_type() -> None:
    other = lamp(**{'"lamp"': '"lantern"'})
    [fault] = reasons(other, known(lamp()))
    assert "is the topic of lamp" in fault
    withdrawn = known(lamp())
    withdrawn.learn("lamp", b'{"version": null, "newest": 1}')
    assert check_change(other, withdrawn).name == "lantern"


def test_a_unit_stays_under_the_name_of_its_datastream() -> None:
    kilo = {'"lx"': '"klx"'}
    so_far = known(lamp(1), lamp(2))
    [fault] = reasons(lamp(3, **kilo), so_far)
    assert "$.properties[0].unit: Datastream 'light' is in lx since version 1, got klx" in fault
    renamed = lamp(
        3,
        **{
            'name = "light"': 'name = "kilolight"\nfield = "light"',
            **kilo,
            'datastream = "light"': 'datastream = "kilolight"',
        },
    )
    assert check_change(renamed, so_far).version == 3


def test_all_reasons_come_at_once() -> None:
    text = lamp(1, **{'"lx"': '"klx"', "/lamp": "/air"})
    so_far = known(lamp(), files=(load_texts()["air-station"][1],))
    assert [fault.split(":")[0] for fault in reasons(text, so_far)] == [
        "at $.version", "at $.topic", "at $.properties[0].unit",
    ]  # fmt: skip


def test_our_own_files_stand_each_other() -> None:
    texts = load_texts()
    so_far = Known(texts)
    for name, (declared, text) in texts.items():
        assert check_change(text, so_far) == declared == parse(text, name)
