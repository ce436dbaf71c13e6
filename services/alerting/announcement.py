"""What a revision says of itself. In: a change of an alert and its place in the ledger; out: what the ledger commits to, and the event that tells of it. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any

from services.alerting.alert import Change
from services.alerting.docket import ClusterAlert
from services.alerting.ledger import Sealed, Statement
from shared.events import AlertChanged, MoveAssessed


def statement(change: Change, event: MoveAssessed) -> Statement:
    """What the ledger commits to: the alert as lists show it, its text, its reason, and which assessment by which versions it rests on."""
    reason = change.reason.model_dump() if change.reason else None
    basis = {"assessment_id": event.event_id, "pack_version": event.pack_version, "model_version": event.model_version}
    inhibited = {"inhibited_by": change.inhibited_by} if change.inhibited_by else {}
    said = {**change.alert.model_dump(mode="json"), "body": change.body.model_dump(), "reason": reason, **basis, **inhibited}
    return Statement(change.alert.alert_id, change.alert.revision, change.alert.kind, change.alert.changed_as_of, said)


def event_of(change: Change, sealed: Sealed, moment: dt.datetime, checkpoint: dict[str, Any], public_url: str | None) -> AlertChanged:
    """The revision as subscribers get it, with the place it has in the ledger and the latest checkpoint. `moment` is real time (UTC)."""
    alert = change.alert
    page = f"{public_url.rstrip('/')}/alerts/{alert.alert_id}" if public_url else None
    return AlertChanged(
        alert_id=alert.alert_id,
        sequence=sealed.sequence,
        revision=alert.revision,
        kind=alert.kind,
        lifecycle=alert.lifecycle,
        level=alert.level,
        previous_level=alert.previous_level,
        headline=alert.headline,
        body=change.body,
        reason=change.reason,
        tlp=alert.tlp,
        country=alert.country,
        subject_id=alert.move_id,
        targets=alert.targets,
        direction=alert.direction,
        stage=alert.stage,
        risk=alert.risk,
        links=tuple(link for link in (page, alert.url) if link),
        members=tuple(member.alert_id for member in alert.members) if isinstance(alert, ClusterAlert) else None,
        inhibited_by=change.inhibited_by,
        as_of=alert.changed_as_of,
        recorded_at=moment,
        backfill=alert.backfill,
        exercise=alert.exercise,
        hash=sealed.hash,
        checkpoint=checkpoint,
    )
