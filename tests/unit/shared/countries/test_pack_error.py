"""A wrong pack says in which file, on which line, in which field."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shared.countries import PackError, load
from shared.countries.pack import HERE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(HERE / "pe", tmp_path / "pe", ignore=shutil.ignore_patterns("weights", "*.jsonl"))
    return tmp_path


def change(root: Path, name: str, old: str, new: str) -> int:
    """Replaces the first `old` of a file; the line on which it stood."""
    file = root / "pe" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("name", "old", "new", "field"),
    [
        ("pack.yaml", "end: 2006-07-26", "end: 2006-13-26", "periods.0.end"),
        ("calendar.yaml", "kind: runoff", "kind: run_off", "milestones.1.kind"),
        ("institutions.yaml", "centrality: 3", "centrality: 4", "institutions.jne.centrality"),
        ("rubric.yaml", "learned_weight: ", "learned_weight: much # ", "constants.learned_weight"),
        ("norms.yaml", "targets: [ELECTIONS], mechanism: electoral_admin", "targets: [ELECTION], mechanism: electoral_admin", "laws.26859.targets.0"),
        ("words.yaml", "filed: {es: presentado, en: filed}", "filed: {es: presentado}", "stages.filed"),
        ("procedure.yaml", "working_days_to_send: 1", "working_days_to_sent: 1", "working_days_to_send"),
        ("rules.yaml", "direction: weakens", "direction: worsens", "rules.0.direction"),
    ],
)
def test_names_file_line_and_field(root: Path, name: str, old: str, new: str, field: str) -> None:
    line = change(root, name, old, new)
    with pytest.raises(PackError) as found:
        load("pe", root)
    assert found.value.file.name == name
    assert found.value.field == field
    assert found.value.line == line or field == "working_days_to_send"
    assert f"{name}:{found.value.line}: {field}" in str(found.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "field"),
    [
        ("rules.yaml", "citation: un-judges-18", "citation: un-judges-81", "rules.0.citation"),
        ("rules.yaml", "all: [[accuse, disqualify]", "all: [[acuse, disqualify]", "rules.0.all.0"),
        ("norms.yaml", "ley orgánica de elecciones: 'law:26859'", "ley orgánica de elecciones: 'law:99999'", "names.ley orgánica de elecciones"),
        ("institutions.yaml", "citation: const-electoral", "citation: const-electorals", "institutions.jne.citation"),
    ],
)
def test_names_what_another_file_lacks(root: Path, name: str, old: str, new: str, field: str) -> None:
    line = change(root, name, old, new)
    with pytest.raises(PackError) as found:
        load("pe", root)
    assert (found.value.file.name, found.value.line, found.value.field) == (name, line, field)


def test_refuses_a_key_written_twice(root: Path) -> None:
    change(root, "pack.yaml", "timezone: America/Lima", "timezone: America/Lima\ntimezone: UTC")
    with pytest.raises(PackError, match="twice") as found:
        load("pe", root)
    assert found.value.field == "timezone"


def test_refuses_what_is_no_yaml(root: Path) -> None:
    change(root, "calendar.yaml", "milestones:", "milestones: [")
    with pytest.raises(PackError, match="no valid YAML"):
        load("pe", root)


def test_misses_a_file_by_name(root: Path) -> None:
    (root / "pe" / "norms.yaml").unlink()
    with pytest.raises(PackError, match=r"norms\.yaml:1: the file: is missing"):
        load("pe", root)
