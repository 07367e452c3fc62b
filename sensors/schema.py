"""The JSON schema of a sensor type's file, for editors: completion, explanations and faults while one types.

What a schema cannot say, such as whether two units meet, `aedilis types check` says.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from sensors.declaration import SensorType

FILE = "sensor-type.schema.json"
"""The copy beside this file; it is what `#:schema` of a sensor type names."""


class _OfToml(GenerateJsonSchema):
    """TOML has no null: what is not said is left out. Names of keys are no titles, defaults of tables are their keys'."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        if schema.get("default") is None or isinstance(schema["default"], BaseModel):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12."""
    whole = SensorType.model_json_schema(schema_generator=_OfToml)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "title": "Sensor type of Aedilis"}


def text() -> str:
    """As the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
