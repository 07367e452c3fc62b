"""The first text of a new sensor type: explained line by line, with an example that holds. What is to be changed says so."""

from __future__ import annotations

from registry.sample import around
from sensors.format import all_formats

_TEXT = """\
# A sensor type: how messages of one kind of device become Observations. `aedilis types check` tells every fault.
name = "{name}" # small letters, digits and -; for good
version = 1 # each change is a new one; `aedilis types apply --next` raises it
title = "{title}" # what people see
topic = "city/{{agency}}/{{thing}}/{name}" # MQTT; {{agency}} owns the Thing, {{thing}} names it
interval_s = 300 # seconds between two messages of one Thing
allowed_lateness_s = 60 # how much later than others a message may come

[time]
field = "time" # where the payload tells its time
form = "iso" # or epoch_s, epoch_ms
# timezone = "Europe/Rome" # where the times name no zone

# [payload]
# ignore = ["battery"] # what may come and is not read; all else that is not declared is a reject

# Tells when a Thing is silent for longer than this.
[[detectors]]
name = "gap"
parameters = {{ after_s = 1200 }}

# One for each value. The results are in `unit` (UCUM) for good: another unit is another Datastream.
[[properties]]
name = "temperature" # what is measured
field = "temp" # the payload's key, where it is another
unit = "Cel"
# payload_unit = "[degF]" # where the device has another unit
fail = [-50, 80] # outside of it the sensor cannot measure
suspect = [-30, 50] # outside of it a value is doubtful
# sentinels = [-999] # values by which the device says that it has none

# A true message of the device, and what it must give: documentation and test in one.
[[examples]]
topic = "city/demo/t1/{name}"
payload = '{{"time": "2026-01-05T12:00:00Z", "temp": 21.5}}'
observations = [{{ datastream = "temperature", time = "2026-01-05T12:00:00Z", result = 21.5 }}]
"""


def scaffold(name: str, format_: str = "json") -> str:
    """A well-declared type of this name and payload format.

    Raises:
        DeclarationError: the name is none.
    """
    return (
        _TEXT.format(name=name, title=name.replace("-", " ").capitalize())
        if format_ == "json"
        else around(name, all_formats()[format_])
    )
