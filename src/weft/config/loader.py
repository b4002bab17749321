"""The way of a file through this package: YAML, reserved keys, models, checks across objects, tree."""

from __future__ import annotations

import copy

from weft.config import reserved, yaml12
from weft.config.build_fabric import build_fabric
from weft.config.build_host import build_host
from weft.config.errors import ConfigError
from weft.config.loaded import Loaded
from weft.config.models import FabricModel, HostModel
from weft.config.report import Report
from weft.config.tree import FabricConfig, HostConfig
from weft.config.validate import validate
from weft.config.yaml12 import Document

_HOST = "host"
_FABRIC = "fabric"
_USED_BY = {_HOST: "weft agent takes host files", _FABRIC: "weft lab takes fabric files"}


def load_host(text: str, label: str) -> Loaded[HostConfig]:
    return _host(_document(text, label, (_HOST,)))


def load_fabric(text: str, label: str) -> Loaded[FabricConfig]:
    return _fabric(_document(text, label, (_FABRIC,)))


def load(text: str, label: str) -> Loaded[HostConfig] | Loaded[FabricConfig]:
    document = _document(text, label, (_HOST, _FABRIC))
    return _host(document) if _kind(document) == _HOST else _fabric(document)


def _host(document: Document) -> Loaded[HostConfig]:
    notices = reserved.take(document)
    model, issues = validate(document, HostModel)
    report = Report(document, issues)
    config = build_host(model, report) if model else None
    if issues or config is None:
        raise ConfigError(issues)
    return Loaded(config, notices)


def _fabric(document: Document) -> Loaded[FabricConfig]:
    # The lab is given networks in the words of the file, reserved keys included.
    words = copy.deepcopy(document.value)
    notices = reserved.take(document)
    model, issues = validate(document, FabricModel)
    report = Report(document, issues)
    config = build_fabric(model, words, report) if model else None
    if issues or config is None:
        raise ConfigError(issues)
    return Loaded(config, notices)


def _kind(document: Document) -> object:
    return document.value.get("kind") if isinstance(document.value, dict) else None


def _document(text: str, label: str, kinds: tuple[str, ...]) -> Document:
    """Read the YAML and see that it is a file of one of these kinds."""
    document = yaml12.read(text, label)
    if not isinstance(document.value, dict):
        what = "the file is empty" if document.value is None else "the file is not a mapping"
        raise ConfigError([document.issue((), what, f"start with version: 1 and kind: {kinds[0]}")])
    kind = document.value.get("kind")
    if kind in kinds:
        return document
    hint = f"write kind: {' or kind: '.join(kinds)}"
    if kind is None:
        raise ConfigError([document.issue((), "the key 'kind' is missing", hint)])
    if kind in (_HOST, _FABRIC):
        raise ConfigError([document.issue(("kind",), f"this is a {kind} file", _USED_BY[str(kind)])])
    raise ConfigError([document.issue(("kind",), "no such kind of file", hint)])
