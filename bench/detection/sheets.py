"""The figures of `aedilis bench detectors` as tables."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.detection.city import CityFigure
from bench.detection.scoring import EventFigure, FaultFigure, KindFigure
from bench.detection.sections import NabFigure
from bench.detection.speed import SpeedFigure
from bench.table import Sheet


class Detection(msgspec.Struct):
    """All of a run; a section that was not asked for is empty."""

    nab: list[NabFigure] = []
    air: list[FaultFigure] = []
    prices: list[FaultFigure] = []
    water: list[EventFigure] = []
    city: CityFigure | None = None
    speed: list[SpeedFigure] = []


def sheets(figures: Detection) -> list[Sheet]:
    """A table for each section that was measured."""
    made = []
    if figures.nab:
        made += [_nab(figures.nab), _categories(figures.nab)]
    for title, cases in (
        ("Sensor faults put into air quality", figures.air),
        ("Faults put into prices", figures.prices),
    ):
        if cases:
            made += [_budgets(title, cases), _kinds(title, cases)]
    if figures.water:
        made.append(_events(figures.water))
    if figures.city is not None:
        made += _city(figures.city)
    if figures.speed:
        made.append(_speed(figures.speed))
    return made


def _number(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _nab(figures: Sequence[NabFigure]) -> Sheet:
    rows = []
    for one in figures:
        deviation = "" if one.halves_deviation is None else f" ± {one.halves_deviation:.1f}"
        halves = _number(one.halves_mean) + deviation
        rows.append(
            [one.detector, *map(_number, (one.standard, one.low_fp, one.low_fn)), halves, _number(one.city_like)]
        )
    columns = ["detector", "standard", "low FP", "low FN", "12 halves", "10 city-like files"]
    return Sheet("Numenta Anomaly Benchmark, 58 series", columns, rows)


def _categories(figures: Sequence[NabFigure]) -> Sheet:
    measured = [one for one in figures if one.categories]
    names = list(measured[0].categories)
    rows = [[one.detector, *(_number(one.categories[name]) for name in names)] for one in measured]
    return Sheet("The same by category, at the threshold of the corpus", ["detector", *names], rows)


def _budgets(title: str, cases: Sequence[FaultFigure]) -> Sheet:
    rows = []
    for one in cases:
        total = one.kinds[-1]
        rows.append(
            [
                one.case,
                str(one.series),
                f"{one.false_alarms_per_series_month:.2f}",
                f"{100 * one.alarm_share_of_time:.1f} %",
                f"{total.recall:.2f}",
                f"{total.chance:.2f}",
                f"{total.corrected:.2f}",
                _number(total.named_right, 2),
            ]
        )
    columns = ["case", "series", "false alarms a series-month", "time in alarm", "recall", "chance", "corrected"]
    return Sheet(title, [*columns, "named right"], rows)


def _kinds(title: str, cases: Sequence[FaultFigure]) -> Sheet:
    """The mean over the cases."""
    rows = []
    for name in [one.kind for one in cases[0].kinds]:
        same = [kind for case in cases for kind in case.kinds if kind.kind == name]
        rows.append([name, str(sum(one.faults for one in same)), *_means(same)])
    columns = ["kind", "faults", "recall", "chance", "corrected", "named right", "median delay, h"]
    return Sheet(f"{title}: by kind, mean of the cases", columns, rows)


def _means(same: Sequence[KindFigure]) -> list[str]:
    def mean(values: Sequence[float | None], digits: int) -> str:
        known = [value for value in values if value is not None]
        return f"{sum(known) / len(known):.{digits}f}" if known else ""

    return [
        mean([one.recall for one in same], 2),
        mean([one.chance for one in same], 2),
        mean([one.corrected for one in same], 2),
        mean([one.named_right for one in same], 2),
        mean([one.median_delay_h for one in same], 1),
    ]


def _events(figures: Sequence[EventFigure]) -> Sheet:
    rows = [
        [one.case, str(one.events), str(one.alarms), f"{one.event_f1:.2f}", f"{one.point_f1:.2f}"] for one in figures
    ]
    return Sheet("Water contamination", ["case", "events", "alarms", "event F1", "point F1"], rows)


def _speed(figures: Sequence[SpeedFigure]) -> Sheet:
    rows = [
        [
            one.watched,
            *(
                (f"{one.datastreams:,}", f"{one.observations_per_s:,.0f}", f"{one.to_river:.1f}")
                if one.datastreams
                else ("", "", "")
            ),
            f"{one.state_bytes:,.0f}",
        ]
        for one in figures
    ]
    columns = [
        "watched by",
        "Datastreams",
        "Observations/s, one thread",
        "times river one by one",
        "bytes a Datastream",
    ]
    return Sheet("Speed and state", columns, rows)


def _city(figure: CityFigure) -> list[Sheet]:
    incidents = [
        [one.kind, str(one.incidents), f"{one.found:.2f}", _number(one.median_delay_h)] for one in figure.incidents
    ]
    told = [[one.detector, one.kind, str(one.anomalies), f"{one.true:.2f}"] for one in figure.detectors]
    curve = [
        [f"{one.low:g} to {one.high:g}", str(one.anomalies), f"{one.said:.3f}", f"{one.true:.3f}"]
        for one in figure.reliability
    ]
    power = [
        [f"{one.short_by:.0%}", str(one.weighings_a_day), *map(_number, (one.median, one.most, one.median_days))]
        for one in figure.power
    ]
    off = f"expected calibration error {figure.expected_error:.3f}"
    return [
        Sheet("The simulated city: what is found", ["incident", "incidents", "found", "median delay, h"], incidents),
        Sheet("The simulated city: what is true", ["detector", "kind", "anomalies", "true"], told),
        Sheet(f"What a score means there, {off}", ["score", "anomalies", "said", "true"], curve),
        Sheet(
            "Stalls that give short weight, at one false accusation in a thousand stall-years",
            ["short by", "weighings a day", "weighings until found, median", "9 of 10", "days, median"],
            power,
        ),
    ]
