"""Makes a proposal whole: its examples get what the type itself reads in them, so that the file is well declared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aedilis.errors import DeclarationError
from sensors.compile import compile_type
from sensors.infer.propose import Proposal
from sensors.infer.samples import Sample
from sensors.infer.write import as_toml
from sensors.parsing import parse
from sensors.preview import preview


def finished(proposal: Proposal, now: int) -> str:
    """The text of the file. Where the type cannot be compiled as it was proposed the examples say nothing, and the
    faults tell the engineer what to correct.
    """
    text = as_toml(proposal)
    try:
        compiled = compile_type(parse(text))
    except DeclarationError:
        return text
    examples = []
    for example in proposal.declared["examples"]:
        came = _came(example)
        sent = [Sample(one["topic"], _bytes(one), came) for one in (*example.get("before", ()), example)]
        *_, shown = preview(compiled, sent, now)
        examples.append({**example, **_expected(shown.refused, shown.observations, shown.rejects)})
    return as_toml(proposal._replace(declared={**proposal.declared, "examples": examples}))


def _bytes(sent: dict[str, Any]) -> bytes:
    return bytes.fromhex(sent["payload_hex"]) if "payload_hex" in sent else str(sent["payload"]).encode()


def _came(example: dict[str, Any]) -> int | None:
    said = example.get("received_at")
    return None if said is None else round(datetime.fromisoformat(said).timestamp() * 1e6)


def _expected(
    refused: dict[str, str | None] | None, observations: list[dict[str, Any]], rejects: list[dict[str, str | None]]
) -> dict[str, Any]:
    if refused is not None:
        return {"refused": refused["reason"]}
    expected: dict[str, Any] = {}
    if observations:
        expected["observations"] = [_one(one) for one in observations]
    if rejects:
        expected["rejects"] = [one["reason"] for one in rejects]
    return expected


def _one(one: dict[str, Any]) -> dict[str, Any]:
    words = {"good": 1, "not_evaluated": 2, "suspect": 3, "fail": 4, "missing": 9}
    said = {"datastream": one["datastream"], "time": one["time"]}
    if one["result"] is not None:
        said["result"] = one["result"]
    if one["quality"] != "good":
        said["quality"] = words[one["quality"]]
    return said
