"""Identities depend on names only, and on nothing that joins or spells them otherwise."""

from hypothesis import given
from hypothesis import strategies as st

from aedilis.identity import alert_id, anomaly_id, datastream_id, from_topic_level, stable_id, thing_id, to_topic_level

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def test_identities_are_those_that_stand_in_every_database() -> None:
    assert thing_id("demo", "Dongsi") == 1055760773317552105
    assert datastream_id("demo", "Dongsi", "PM2.5") == 6367326438872599402
    assert anomaly_id(7, "spike", "spike", 1_000) == 2184936832646655285
    assert alert_id("7|spike", 1_000) == -8883807127417268084


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_other_names_have_another_identity(one: list[str], other: list[str]) -> None:
    from unicodedata import normalize

    same = [normalize("NFC", name) for name in one] == [normalize("NFC", name) for name in other]
    assert (stable_id(*one) == stable_id(*other)) == same


@given(TEXT, TEXT, TEXT)
def test_names_are_not_joined(a: str, b: str, c: str) -> None:
    if a:
        assert stable_id(a + b, c) != stable_id(b, a + c) or (a + b, c) == (b, a + c)
        assert stable_id(a, b) != stable_id(a + b)


def test_two_spellings_of_one_letter_are_one_name() -> None:
    assert thing_id("demo", "Dämme") == thing_id("demo", "Da\u0308mme")


@given(TEXT)
def test_a_name_travels_as_one_topic_level(name: str) -> None:
    level = to_topic_level(name)
    assert from_topic_level(level) == name
    assert not set("/+#") & set(level)
    assert level.isprintable()


def test_only_what_mqtt_forbids_is_encoded() -> None:
    assert to_topic_level("Straße 7: Dämme") == "Straße 7: Dämme"
    assert to_topic_level("A/B+C#D 50%\n") == "A%2FB%2BC%23D 50%25%0A"
