"""An assessment event as bytes. In: a move's event and what was found; out: the JSON that `MoveAssessed.encode` gives, without making that object first."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel

from services.scoring.assess import Said, ScoringPack
from shared.events import MoveAssessed, MoveObserved, assessment_id


class Wire:
    """Writes the events of one pack."""

    def __init__(self, pack: ScoringPack) -> None:
        self._pack_version, self._model_version = pack.country.version, pack.model_version

    def encoded(self, event: MoveObserved, said: Said) -> bytes:
        """The assessment event of a move event: same revision, same `as_of`."""
        move, revision, as_of = event.move, event.revision, event.as_of
        envelope = {
            "data": {
                "as_of": as_of,
                "assessment": said,
                "backfill": event.backfill,
                "exercise": event.exercise,
                "model_version": self._model_version,
                "move": move,
                "pack_version": self._pack_version,
                "reason": event.reason,
                "revision": revision,
            },
            "datacontenttype": "application/json",
            "id": assessment_id(move.move_id, revision, as_of, self._pack_version, self._model_version),
            "source": MoveAssessed.SOURCE,
            "specversion": "1.0",
            "subject": move.move_id,
            "time": event.time,
            "type": MoveAssessed.TYPE,
        }
        return orjson.dumps(envelope, default=_told)


def _told(value: BaseModel) -> dict[str, Any]:
    """What a model inside tells."""
    return {name: said for name, said in vars(value).items() if said is not None}
