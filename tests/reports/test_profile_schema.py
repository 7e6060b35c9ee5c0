"""profile.schema.json, which other programs read, names the same keys and kinds as the types of reports/data."""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from reports.data import profile
from reports.data.profile import Nothing, Profile

SCHEMA: dict[str, Any] = json.loads(Path(profile.__file__).with_name("profile.schema.json").read_text())
KINDS: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}
NARROWER = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "description", "title"}
"""What a schema may say of a value and a type cannot."""


def of_type(kind: Any) -> Any:
    """What a JSON schema would say of a type."""
    if is_typeddict(kind):
        return {
            "type": "object",
            "properties": {key: of_type(value) for key, value in get_type_hints(kind).items()},
            "required": set(kind.__required_keys__),
            "additionalProperties": False,
        }
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": set(parts)}
    if origin is UnionType:
        options = [of_type(part) for part in parts]
        if all(option.keys() == {"type"} for option in options):
            return {"type": {option["type"] for option in options}}
        return {"anyOf": sorted(options, key=str)}
    if origin is list:
        return {"type": "array", "items": of_type(parts[0])}
    if kind == Nothing:
        return {"type": "object", "properties": {}, "required": set(), "additionalProperties": False}
    if origin is dict:
        return {"type": "object", "additionalProperties": of_type(parts[1])}
    return {"type": KINDS[kind]}


def of_schema(schema: dict[str, Any]) -> Any:
    """A part of profile.schema.json in the same form: references followed, and what narrows a value left out."""
    if "$ref" in schema:
        return of_schema(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    said: dict[str, Any] = {
        key: value for key, value in schema.items() if key not in NARROWER | {"$schema", "$defs"}
    }
    if "const" in said:
        return {"enum": {said["const"]}}
    if "enum" in said:
        return {"enum": set(said["enum"])}
    if "anyOf" in said:
        return {"anyOf": sorted(map(of_schema, said["anyOf"]), key=str)}
    if isinstance(said["type"], list):
        return {"type": set(said["type"])}
    if "properties" in said:
        assert len(said["required"]) == len(set(said["required"]))
        said["required"] = set(said["required"])
        said["properties"] = {key: of_schema(value) for key, value in said["properties"].items()}
    if "items" in said:
        said["items"] = of_schema(said["items"])
    if said.get("additionalProperties"):
        said["additionalProperties"] = of_schema(said["additionalProperties"])
    return said


def test_the_schema_and_the_types_name_the_same_keys_and_kinds() -> None:
    assert of_schema(SCHEMA) == of_type(Profile)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("cell", "unread", {"type": "integer"}),
        ("cell", "missing", {"type": "number"}),
        ("cell", "bias", {"type": ["number", "null"]}),
        ("verdict", "op", {"enum": [">=", "<="]}),
        ("bin", "low", {"type": ["number", "null"]}),
    ],
)
def test_a_key_or_kind_that_only_one_of_them_has_is_found(
    place: str, key: str, value: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCHEMA["$defs"][place]["properties"], key, value)
    assert of_schema(SCHEMA) != of_type(Profile)


def test_every_definition_of_the_schema_is_used() -> None:
    text = json.dumps(SCHEMA)
    assert {name for name in SCHEMA["$defs"] if f'"#/$defs/{name}"' not in text} == set()
