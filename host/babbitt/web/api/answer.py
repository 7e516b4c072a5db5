"""What the answers of the interface have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PLAIN_TEXT = r"^[^\x00-\x1f\x7f]*$"


def in_unit(unit: str, description: str) -> Any:
    """A number of that unit."""
    return Field(description=description, json_schema_extra={"x-unit": unit})


class Answer(BaseModel):
    """Made from the views of the store, whose fields have the same names."""

    model_config = ConfigDict(from_attributes=True, protected_namespaces=())


Millis = Annotated[int, in_unit("ms", "Unix time in milliseconds, UTC.")]
