"""One readable YAML file of a country pack. In: a path and a pydantic model; out: the validated model, or PackError naming file, line and field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.errors import VeedorError

Model = TypeVar("Model", bound=BaseModel)
Loc = Sequence[int | str]
_TIMESTAMP, _TEXT = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:str"


class PackError(VeedorError):
    """A country pack is wrong. `file` is its path, `line` counts from 1, `field` is a dotted path inside the file."""

    def __init__(self, file: Path, line: int, field: str, detail: str) -> None:
        super().__init__(f"{file}:{line}: {field or 'the file'}: {detail}")
        self.file = file
        self.line = line
        self.field = field
        self.detail = detail


class Document:
    """A parsed YAML file that remembers on which line every value stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = _compose(path)
        for node in _nodes(self._root):
            if isinstance(node, yaml.MappingNode):
                self._refuse_twins(node)
            elif node.tag == _TIMESTAMP:  # left as text, so that a wrong date is an error of its field
                node.tag = _TEXT

    def read(self, model: type[Model]) -> Model:
        """The file as `model`. Raises PackError for the first value that does not fit."""
        loader = yaml.SafeLoader("")
        try:
            return model.model_validate(loader.construct_document(self._root))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise self.error(first["loc"], f"{first['msg']}") from error
        finally:
            loader.dispose()

    def error(self, loc: Loc, detail: str) -> PackError:
        """A PackError at the value `loc` leads to, or at its nearest written ancestor."""
        return PackError(self.path, _line(self._root, loc), ".".join(map(str, loc)), detail)

    def _refuse_twins(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise PackError(self.path, key.start_mark.line + 1, key.value, "is written twice: keep one")
            seen.add(key.value)


def _compose(path: Path) -> yaml.Node:
    try:
        root = yaml.compose(path.read_bytes(), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise PackError(path, 1, "", "is missing from the pack") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PackError(path, line, "", f"is no valid YAML: {error.problem}") from error
    if not isinstance(root, yaml.MappingNode):
        raise PackError(path, 1, "", "must be a mapping of names to values")
    return root


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _nodes(value)


def _line(node: yaml.Node, loc: Loc) -> int:
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        else:
            found = None
        if found is None:
            break
        node = found
    return int(node.start_mark.line) + 1
