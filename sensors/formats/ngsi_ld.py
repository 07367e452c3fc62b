"""NGSI-LD entities: normalized, concise or simplified (key-values); one, a list, or the `data` of a notification.

Properties that were observed at different instants (`observedAt`) become records of their own; the others are of the
entity's `dateObserved`, and of an interval its start counts. A notification tells when it was sent: without another time
that counts, so that one which the broker retained does not come true again. The unit of a property (`unitCode`,
UN/CEFACT Recommendation 20) is told as the UCUM code where it is known, else as it came. `location` is the Location where
it is a point.

A property that stands several times, with `datasetId`, is `KEY@ID` but for the one without.
Source: ETSI GS CIM 009 V1.8.1, sections 4.5 (entities), 5.3 (notifications) and 7 (MQTT).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, kind, read_json

_UNITS = {
    "GQ": "ug/m3",
    "GP": "mg/m3",
    "M1": "mg/L",
    "59": "[ppm]",
    "61": "[ppb]",
    "P1": "%",
    "C62": "1",
    "CEL": "Cel",
    "FAH": "[degF]",
    "KEL": "K",
    "PAL": "Pa",
    "A97": "hPa",
    "KPA": "kPa",
    "MBR": "mbar",
    "BAR": "bar",
    "MTS": "m/s",
    "KMH": "km/h",
    "KNT": "[kn_i]",
    "DD": "deg",
    "2N": "dB",
    "LUX": "lx",
    "D54": "W/m2",
    "H67": "mm/h",
    "MMT": "mm",
    "CMT": "cm",
    "MTR": "m",
    "KTM": "km",
    "GRM": "g",
    "KGM": "kg",
    "TNE": "t",
    "LTR": "L",
    "MTQ": "m3",
    "MQS": "m3/s",
    "MQH": "m3/h",
    "MLT": "mL",
    "SEC": "s",
    "C26": "ms",
    "MIN": "min",
    "HUR": "h",
    "DAY": "d",
    "VLT": "V",
    "2Z": "mV",
    "AMP": "A",
    "4K": "mA",
    "WTT": "W",
    "KWT": "kW",
    "WHR": "W.h",
    "KWH": "kW.h",
    "HTZ": "Hz",
    "D10": "S/m",
    "H61": "mS/cm",
    "G42": "uS/cm",
    "Q30": "[pH]",
}
"""UN/CEFACT Recommendation 20 (revision 17, 2021) → UCUM: the codes that smart data models and city sensors use."""
_VALUES = ("value", "object", "languageMap", "vocab", "json", "valueList", "objectList")
"""Where each kind of attribute keeps what it says (section 4.5)."""
_OF_THE_ENTITY = frozenset(("id", "type", "@id", "@type", "@context", "scope", "createdAt", "modifiedAt", "deletedAt"))


class NgsiLdOptions(BaseModel):
    """What names the Thing, and where time and place stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: Literal["id", "id-tail", "topic"] = Field(
        "id", description="the entity's id; what follows its type, as in urn:ngsi-ld:AirQualityObserved:TAIL; the topic"
    )
    observed: str = Field("dateObserved", description="the property that holds the time of all others")
    location: str = Field("location", description="the property that holds the place")


class NgsiLd:
    """One record an entity and instant."""

    name = "ngsi-ld"
    title = "NGSI-LD"
    Options = NgsiLdOptions
    time = Time(field="@time", default="received")
    numeric_text = False
    example = FormatExample(
        template="ngsi-ld/{agency}/{thing}",
        topic="ngsi-ld/demo/notify",
        payload=b'{"id":"urn:ngsi-ld:AirQualityObserved:Madrid-28079004","type":"AirQualityObserved",'
        b'"dateObserved":{"type":"Property","value":{"@type":"DateTime","@value":"2016-03-15T11:00:00Z/2016-03-15T12:00:00Z"}},'
        b'"NO2":{"type":"Property","value":69,"unitCode":"GQ"},'
        b'"temperature":{"type":"Property","value":12.2,"unitCode":"CEL","observedAt":"2016-03-15T11:58:00Z"},'
        b'"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[-3.7122,40.4238]}},'
        b'"@context":"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"}',
        options={"thing": "id-tail"},
        records=(
            {
                "@time": "2016-03-15T11:00:00Z",
                "@thing": "Madrid-28079004",
                "@longitude": -3.7122,
                "@latitude": 40.4238,
                "NO2": 69,
                "@unit:NO2": "ug/m3",
            },
            {
                "@time": "2016-03-15T11:58:00Z",
                "@thing": "Madrid-28079004",
                "@longitude": -3.7122,
                "@latitude": 40.4238,
                "temperature": 12.2,
                "@unit:temperature": "Cel",
            },
        ),
    )

    def decoder(self, options: NgsiLdOptions) -> Decode:
        """See the module."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            content = read_json(raw.payload)
            if type(content) is dict and type(content.get("body")) is dict:  # a notification over MQTT
                content = content["body"]
            notified = None
            if type(content) is dict and content.get("type") == "Notification":
                notified = content.get("notifiedAt")
                content = content.get("data")
            entities = content if type(content) is list else [content]
            if not entities:
                raise Refused(RejectReason.WRONG_SHAPE, "expected an entity, got an empty list")
            records: list[Record] = []
            for entity in entities:
                if type(entity) is not dict:
                    raise Refused(RejectReason.WRONG_SHAPE, f"expected an entity, got {kind(entity)}")
                records += _records(entity, options, notified)
            return records

        return decode


def _records(entity: dict[str, Any], options: NgsiLdOptions, notified: Any) -> list[Record]:
    id_ = entity.get("id", entity.get("@id"))
    if type(id_) is not str:
        raise Refused(RejectReason.WRONG_SHAPE, f"expected an entity with the text id, got {kind(id_)}")
    head: Record = {}
    if options.thing != "topic":
        head["@thing"] = id_ if options.thing == "id" else _tail(id_)
    observed = _start(_plain(entity.get(options.observed)))
    if observed is None:
        observed = notified
    _locate(head, _plain(entity.get(options.location)))
    left_out = {options.observed, options.location}
    by_time: dict[str | None, Record] = {}
    for key, attribute in entity.items():
        if key in _OF_THE_ENTITY or key in left_out or key[:1] == "@":
            continue
        for instance in attribute if _is_several(attribute) else (attribute,):
            time, unit, name, value = observed, None, key, instance
            if type(instance) is dict:
                value = _plain(instance)
                if value is not instance:
                    time = instance.get("observedAt", observed)
                    unit = instance.get("unitCode")
                    if "datasetId" in instance:
                        name = f"{key}@{instance['datasetId']}"
            moment = time if time is None or type(time) is str else repr(time)
            record = by_time.get(moment)
            if record is None:
                record = by_time[moment] = {**head} if time is None else {"@time": time, **head}
            record[name] = value
            if type(unit) is str:
                record[f"@unit:{name}"] = _UNITS.get(unit, unit)
    if not by_time:
        raise Refused(RejectReason.MISSING_FIELD, f"the entity {id_[:80]!r} has no property")
    return list(by_time.values())


def _plain(attribute: Any) -> Any:
    """What an attribute says, in whichever of the three forms it is written."""
    if type(attribute) is dict:
        for label in _VALUES:
            if label in attribute:
                return attribute[label]
    return attribute


def _is_several(attribute: Any) -> bool:
    """Whether it is one property in several instances, and not a list of values."""
    return (
        type(attribute) is list
        and bool(attribute)
        and all(
            type(one) is dict and ("datasetId" in one or one.get("type") in ("Property", "Relationship", "GeoProperty"))
            for one in attribute
        )
    )


def _start(moment: Any) -> Any:
    if type(moment) is dict:
        moment = moment.get("@value")
    return moment.partition("/")[0] if type(moment) is str else moment


def _tail(id_: str) -> str:
    parts = id_.split(":", 3)
    return parts[3] if len(parts) == 4 and parts[:2] == ["urn", "ngsi-ld"] and parts[3] else id_


def _locate(head: Record, place: Any) -> None:
    point = place.get("coordinates") if type(place) is dict and place.get("type") == "Point" else None
    if type(point) is list and len(point) >= 2:
        head["@longitude"], head["@latitude"] = point[:2]


FORMAT = NgsiLd()
