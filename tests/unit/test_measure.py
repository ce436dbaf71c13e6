"""What benchmarks do with their figures: subjects take turns, medians keep their spread, a peer that did not run gives no ratio."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.benchmarks.measure import Report, alternate, write


def test_subjects_take_turns_and_medians_keep_their_spread(tmp_path: Path) -> None:
    order: list[str] = []
    figures = {"a": iter([1.0, 5.0, 3.0]), "b": iter([10.0, 20.0, 60.0])}

    def subject(name: str) -> dict[str, float]:
        order.append(name)
        return {"moves_per_s": next(figures[name])}

    report = Report(alternate({name: lambda name=name: subject(name) for name in figures}, 3))
    report.compare("a_to_b", ("a", "moves_per_s"), ("b", "moves_per_s"))
    report.compare("a_to_c", ("a", "moves_per_s"), ("c", "moves_per_s"))
    write(report, tmp_path / "out.json")
    said = orjson.loads((tmp_path / "out.json").read_bytes())
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert said["rows"][0] == {"subject": "a", "figure": "moves_per_s", "unit": "1/s", "median": 3.0, "min": 1.0, "max": 5.0, "runs": 3}
    assert said["ratios"] == {"a_to_b": 0.15, "a_to_c": None}
    assert said["machine"]["cores"] >= 1
