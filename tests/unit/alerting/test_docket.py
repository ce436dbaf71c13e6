"""The life of a cluster: opens, is revised, ends, opens again; what it makes needless to tell; what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from services.alerting.alert import Alert, Change, decide
from services.alerting.docket import ClusterAlert, Docket
from shared.events import Direction, Level, Lifecycle, MoveAssessed, Stage, Target, Tlp, Words
from tests.unit.alerting.bursts import CLUSTER, filed
from tests.unit.alerting.sample import pack

SHELVED: dict[str, Any] = {"revision": 2, "later": 40, "stage": Stage.SHELVED}


def followed(*events: MoveAssessed) -> list[Change]:
    """Every revision of alerts and clusters that the events give, in order."""
    docket = Docket(pack(), whole=frozenset(("pe", target) for target in Target))
    alerts: dict[str, Alert] = {}
    said: list[Change] = []
    for event in events:
        change = decide(alerts.get(event.move.move_id), event, pack())
        if change:
            alerts[event.move.move_id] = change.alert
            said += [found for found, _ in docket.follow([(change, event)])]
    return said


def clusters(changes: Sequence[Change]) -> list[ClusterAlert]:
    return [change.alert for change in changes if isinstance(change.alert, ClusterAlert)]


def reason(change: Change) -> Words:
    assert change.reason is not None
    return change.reason


def test_opens_with_the_third_move_right_after_it() -> None:
    said = followed(filed(1), filed(2), filed(3, level=Level.HIGH))
    assert [change.alert.alert_id for change in said] == ["alert.m.1", "alert.m.2", "alert.m.3", CLUSTER]
    (cluster,) = clusters(said)
    assert (cluster.kind, cluster.lifecycle, cluster.level, cluster.revision, cluster.previous_level) == ("cluster", Lifecycle.ALERT, Level.HIGH, 1, None)
    assert (cluster.count, cluster.pending, cluster.targets, cluster.direction, cluster.tlp) == (3, 3, (Target.JNJ,), Direction.WEAKENS, Tlp.GREEN)
    assert [member.alert_id for member in cluster.members] == ["alert.m.3", "alert.m.1", "alert.m.2"]
    assert (cluster.opened_as_of, cluster.window_from.isoformat(), cluster.window_until.isoformat()) == (cluster.members[0].filed, "2023-09-01", "2023-10-30")


def test_is_never_below_elevated() -> None:
    assert clusters(followed(filed(1), filed(2), filed(3)))[0].level is Level.ELEVATED


def test_is_revised_when_a_member_comes_and_when_its_level_changes() -> None:
    said = followed(filed(1), filed(2), filed(3), filed(4), filed(2, revision=2, later=40, level=Level.CRITICAL))
    assert [(found.lifecycle, found.level, found.pending) for found in clusters(said)] == [
        (Lifecycle.ALERT, Level.ELEVATED, 3),
        (Lifecycle.UPDATE, Level.ELEVATED, 4),
        (Lifecycle.UPDATE, Level.CRITICAL, 4),
    ]
    assert [reason(change) for change in said if change.alert.alert_id == CLUSTER and change.reason] == [
        Words(es="Se suma: 4.", en="Added: 4."),
        Words(es="Nivel: de «elevado» a «crítico».", en="Level: from «elevated» to «critical»."),
    ]


def test_a_step_in_committee_is_no_revision_of_the_cluster() -> None:
    assert len(clusters(followed(filed(1), filed(2), filed(3), filed(1, revision=2, later=40, stage=Stage.COMMITTEE)))) == 1


def test_ends_when_too_few_are_pending_and_opens_again() -> None:
    back = filed(1, revision=3, later=60, stage=Stage.FLOOR)
    said = followed(filed(1), filed(2), filed(3), filed(1, **SHELVED), back)
    assert [(found.lifecycle, found.level, found.pending, found.revision) for found in clusters(said)] == [
        (Lifecycle.ALERT, Level.ELEVATED, 3, 1),
        (Lifecycle.CANCEL, Level.NONE, 2, 2),
        (Lifecycle.ALERT, Level.ELEVATED, 3, 3),
    ]
    ended = [change for change in said if change.alert.alert_id == CLUSTER][1]
    assert "pending: 2" in reason(ended).en
    assert ended.alert.headline.es.startswith("Alerta levantada: ")


@pytest.mark.parametrize("flips", [{"direction": Direction.STRENGTHENS}, {"targets": (Target.TC,), "level": Level.ELEVATED}])
def test_a_move_that_reads_otherwise_now_stands_no_longer(flips: dict[str, Any]) -> None:
    assert clusters(followed(filed(1), filed(2), filed(3), filed(3, revision=2, later=3, **flips)))[-1].lifecycle is Lifecycle.CANCEL


def test_ends_when_its_moves_turn_out_to_be_one() -> None:
    joined = filed(3, revision=2, later=30, stage=Stage.REPORT, move={"related": ("PL 1/2023-CR", "PL 2/2023-CR")})
    said = followed(filed(1), filed(2), filed(3), joined)
    assert clusters(said)[-1].lifecycle is Lifecycle.CANCEL
    assert "joined" in reason(said[-1]).en


def test_a_filing_found_late_moves_the_first_day() -> None:
    """In whatever order they come, the same clusters are open in the end; what was said before stays said and is ended."""
    late = followed(filed(3), filed(4), filed(5), filed(1))
    assert [(found.alert_id, found.lifecycle) for found in clusters(late)] == [
        ("cluster.pe.JNJ.20230921", Lifecycle.ALERT),
        ("cluster.pe.JNJ.20230921", Lifecycle.CANCEL),
        (CLUSTER, Lifecycle.ALERT),
    ]
    ordered = clusters(followed(filed(1), filed(3), filed(4), filed(5)))[-1]
    found = clusters(late)[-1]
    assert (found.alert_id, found.level, found.members) == (ordered.alert_id, ordered.level, ordered.members)


def test_a_members_step_need_not_be_told_beside_the_open_cluster() -> None:
    said = followed(filed(1), filed(2), filed(3), filed(1, revision=2, later=40, stage=Stage.COMMITTEE))
    assert [change.inhibited_by for change in said] == [None, None, None, None, CLUSTER]


@pytest.mark.parametrize(
    "event",
    [
        filed(1, revision=2, later=40, stage=Stage.COMMITTEE, level=Level.HIGH),
        filed(1, revision=2, later=40, stage=Stage.FIRST_VOTE),
        filed(1, revision=2, later=40, stage=Stage.PUBLISHED),
        filed(1, revision=2, later=40, stage=Stage.COMMITTEE, direction=Direction.MIXED),
        filed(1, **SHELVED),
    ],
    ids=["a rise", "a vote", "a law", "another reading", "its end"],
)
def test_all_else_of_a_member_is_told(event: MoveAssessed) -> None:
    said = followed(filed(1), filed(2), filed(3), event)
    assert all(change.inhibited_by is None for change in said)


def test_an_ended_cluster_makes_nothing_needless() -> None:
    said = followed(filed(1), filed(2), filed(3), filed(1, **SHELVED), filed(2, revision=2, later=60, stage=Stage.COMMITTEE))
    assert said[-1].alert.alert_id == "alert.m.2"
    assert said[-1].inhibited_by is None


def test_what_it_says() -> None:
    (change,) = [found for found in followed(filed(1), filed(2), filed(3, group="")) if found.alert.alert_id == CLUSTER]
    assert change.alert.headline == Words(
        es="Entre el 1 set 2023 y el 21 set 2023 se presentaron 3 medidas que según su texto debilitarían la Junta Nacional de Justicia, "
        "de 2 grupos y de otros cuyo grupo no consta; en 60 días suelen ser 0,04.",
        en="From 1 Sep 2023 to 21 Sep 2023, 3 moves were filed that by their text would weaken the National Board of Justice, "
        "by 2 groups and by others whose group is not recorded; in 60 days there are usually 0.04.",
    )
    assert change.reason is None
    lines = change.body.en.split("\n")
    assert lines[0] == "Window: 1 Sep 2023 to 30 Oct 2023. Separate moves filed in it: 3 (moves joined with each other count once); pending: 3."
    assert lines[1].startswith("At the usual rate of filings 0.04 are expected in that window; as many, in some window of a year: once in ")
    assert lines[2] == "Level: elevated, that of its gravest pending move and never below elevated. Risk of that move: 25 of 100."
    assert lines[3].startswith("Moves: 1 «Bill amending the Criminal Code")
    assert change.body.es.split("\n")[3].startswith("Medidas: 1 «Ley que modifica el mandato")
    assert lines[-1].startswith("That they coincide does not say that anyone agreed on them.")
    assert change.body.es.split("\n")[-1].startswith("Que coincidan no dice que alguien las haya concertado.")


def test_an_exercise_says_so() -> None:
    said = followed(*(filed(number, exercise=True) for number in (1, 2, 3)))
    assert said[-1].alert.exercise
    assert said[-1].body.es.startswith("Ejercicio")
