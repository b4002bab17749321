"""A document against its model: every error as an issue with its place, and what can still be checked.

Values with errors are taken out of the document, so that checks across objects run on the rest: a user sees
a mistyped key and a VNI used twice in one go.
"""

from __future__ import annotations

import difflib
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from weft.config.errors import ConfigIssue
from weft.config.fields import REFUSED, shown
from weft.config.models import Model
from weft.config.reserved import reserved_keys
from weft.config.yaml12 import MAX_DEPTH, Document, Path

M = TypeVar("M", bound=Model)

# pydantic's mark in a location that the error concerns the key, not the value.
_KEY = "[key]"
_KINDS = {
    "bool_type": ("true or false", "write true or false"),
    "list_type": ("a list", "write [first, second]"),
    "dict_type": ("a mapping", "write {key: value}, or {} for none"),
    "model_type": ("a mapping", "write {key: value}, or {} for none"),
    "model_attributes_type": ("a mapping", "write {key: value}, or {} for none"),
    "int_type": ("a whole number", "write a number without quotes"),
}


def validate(document: Document, model: type[M]) -> tuple[M | None, list[ConfigIssue]]:
    """The model of what is right in the document (None if too little is), and the issues of the rest."""
    issues: list[ConfigIssue] = []
    for attempt in range(MAX_DEPTH):
        try:
            return model.model_validate(document.value), issues
        except ValidationError as error:
            details = error.errors(include_url=False)
        if attempt == 0:
            issues = [_issue(document, model, detail) for detail in details]
        wrong = {_removable(document, detail) for detail in details}
        if () in wrong:
            return None, issues
        for path in sorted(wrong, key=_last_first, reverse=True):
            document.remove(path)
    return None, issues


def _location(detail: ErrorDetails) -> Path:
    return tuple(step for step in detail["loc"] if step != _KEY)


def _removable(document: Document, detail: ErrorDetails) -> Path:
    """What has to go for this error to go: the value, or the owner of a missing key."""
    path = _location(detail)
    depth = 0
    spot = document.root
    for step in path if detail["type"] != "missing" else path[:-1]:
        below = spot.part(step)
        if below is None:
            break
        spot, depth = below, depth + 1
    return path[:depth]


def _last_first(path: Path) -> list[tuple[int, str]]:
    """An order whose reverse visits later list items before earlier ones, and parts before their owner."""
    return [(step, "") if isinstance(step, int) else (-1, step) for step in path]


def _issue(document: Document, model: type[Model], detail: ErrorDetails) -> ConfigIssue:
    path = _location(detail)
    message, hint = _words(model, path, detail)
    at_key = detail["type"] in ("missing", "extra_forbidden") or _KEY in detail["loc"]
    return document.issue(path, message, hint, at_key=at_key)


def _words(model: type[Model], path: Path, detail: ErrorDetails) -> tuple[str, str]:
    """(message, hint) of one error."""
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == REFUSED:
        return context["message"], context["hint"]
    if kind == "missing":
        return f"the key '{path[-1]}' is missing", f"add {path[-1]}: …"
    if kind == "extra_forbidden":
        return "unknown key", _nearest(str(path[-1]), _known_keys(model, path[:-1]))
    if kind in _KINDS:
        what, hint = _KINDS[kind]
        return f"{shown(detail['input'])} is not {what}", hint
    if kind in ("too_short", "too_long"):
        bound = context.get("min_length", context.get("max_length"))
        few = "few" if kind == "too_short" else "many"
        return f"too {few} items: {context['actual_length']}", f"{bound} {'is' if bound == 1 else 'are'} needed"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"{shown(detail['input'])} is not supported", f"use {context.get('ge', context.get('le'))}"
    return f"{shown(detail['input'])}: {detail['msg']}", ""


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word.replace("_", "-"), known, n=1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"


def _known_keys(model: type[Model], path: Path) -> list[str]:
    """The keys a file may use in the mapping at `path`."""
    current: type[Model] = model
    skip = False
    for step in path:
        if skip:
            skip = False
            continue
        field = _fields(current).get(str(step))
        if field is None:
            break
        below = _model_in(field.annotation)
        current, skip = below or current, _is_container(field.annotation)
    return sorted({*_fields(current), *reserved_keys(path)})


def _fields(model: type[Model]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: object) -> type[Model] | None:
    """The model class that an annotation such as `dict[Name, TenantModel] | None` holds."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _is_container(annotation: object) -> bool:
    return get_origin(annotation) in (dict, list) or any(map(_is_container, get_args(annotation)))
