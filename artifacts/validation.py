"""Check values against type annotations, with one error message for all invalid values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pydantic

_CONFIG = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


def validate(
    owner: str, annotations: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Check JSON values against the annotations of the same names.

    Args:
        owner: name of the configured object, for the error.
        annotations: name to type, `typing.Annotated` constraints included (`annotated_types`).
        values: name to value. Numbers, booleans and texts are not converted into each other,
            except that an integer is accepted where a float is expected; NaN and infinity are not.

    Returns:
        The values in the annotated types, for example tuples where JSON has lists.

    Raises:
        ValueError: if a value is invalid; the message lists every invalid value.
    """
    fields = {name: (annotations[name], ...) for name in values}
    schema = pydantic.create_model("Values", __config__=_CONFIG, **fields)
    try:
        text = json.dumps(dict(values))
    except TypeError as error:
        raise ValueError(f"{owner} takes JSON values: {error}. Received: {values!r}") from error
    try:
        checked = schema.model_validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        raise ValueError(f"{owner}: {_message(error, values)}") from error
    return {name: getattr(checked, name) for name in values}


def _message(error: pydantic.ValidationError, values: Mapping[str, Any]) -> str:
    """All problems in one line; the alternatives of a union are joined by "or"."""
    problems: dict[str, list[str]] = {}
    for detail in error.errors():
        name, *path = detail["loc"]
        index = "".join(f"[{step}]" for step in path if isinstance(step, int))
        problem = f"{index} {detail['msg']}".strip().replace("Input should be", "should be")
        if detail["type"] in ("list_type", "tuple_type") and isinstance(detail["input"], int):
            problem += f" (write [{detail['input']}])"
        problems.setdefault(name, []).append(problem.replace("valid array", "list"))
    return "; ".join(
        f"{name} {' or '.join(messages)}. Received: {values[name]!r}"
        for name, messages in problems.items()
    )
