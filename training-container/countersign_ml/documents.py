"""JSON documents that cross the container's border, checked against the schemas that the whole product shares."""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from .contract import BadInput


def schema_dir() -> Path:
    """The generated schemas: COUNTERSIGN_SCHEMAS, else beside the package (the image), else the repository's."""
    override = os.environ.get("COUNTERSIGN_SCHEMAS")
    here = Path(__file__).resolve()
    for candidate in [Path(override)] if override else [here.parents[1] / "schemas", here.parents[2] / "schemas/json"]:
        if candidate.is_dir():
            return candidate
    raise BadInput("the JSON Schemas are missing: run `npm run schemas`, or set COUNTERSIGN_SCHEMAS to their folder")


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any):
    """JSON Schema's patterns are ECMAScript's: Python's `re` knows no \\p{Cc}, and its `$` allows a last newline."""
    if isinstance(instance, str):
        python = pattern.replace(r"\p{Cc}", r"\x00-\x1f\x7f-\x9f")
        python = python[:-1] + r"\Z" if python.endswith("$") else python
        if not re.search(python, instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def _validator(name: str) -> Any:
    file = schema_dir() / f"{name}.schema.json"
    if not file.exists():
        raise BadInput(f"schema {file.name} is missing in {file.parent.name}/: run `npm run schemas`")
    return _Validator(json.loads(file.read_text(encoding="utf-8")))


def checked(value: Any, schema: str, called: str) -> Any:
    """`value` where it satisfies the schema; BadInput naming the path and the rule where it does not."""
    error = best_match(_validator(schema).iter_errors(value))
    if error is not None:
        at = "/".join(str(part) for part in error.absolute_path) or "(top)"
        raise BadInput(f"{called} does not fit schema {schema} at {at}: {error.message[:300]}")
    return value


def read(file: Path, schema: str) -> Any:
    """The checked document in `file`. Raises BadInput where it is missing, no JSON, or against the schema."""
    if not file.exists():
        raise BadInput(f"{file.name} is missing in {file.parent.name}/ (there: {_listing(file.parent)})")
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{file.name} is not JSON: {error}") from error
    return checked(value, schema, file.name)


def write(file: Path, value: Any, schema: str | None = None) -> None:
    """Writes canonical JSON (sorted keys, no NaN) atomically, after the check where a schema is named."""
    if schema is not None:
        checked(value, schema, file.name)
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    partial = file.with_suffix(file.suffix + ".part")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(file)


def digest(value: Any) -> str:
    """sha256 of the canonical JSON of a value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
    return ", ".join(names[:8]) or "nothing"
