"""The failures that have a name. Anything else is a bug: it is logged and ends the process.

VeedorError
 ├─ InvalidMessage   wrong for ever: the message goes to the dead letters
 ├─ Retryable        wrong now: wait and try again
 │   └─ Full         no room now: nothing was taken
 │       └─ DiskFull the disk has none
 └─ Refused          a request or a line is refused; names the field and says what to do next
"""

from __future__ import annotations


class VeedorError(Exception):
    """Base of every failure we expect."""


class InvalidMessage(VeedorError):
    """A message that will never be understood (bad JSON, unknown major version, wrong types)."""


class Retryable(VeedorError):
    """A dependency that does not answer now (broker, database, network)."""


class Full(Retryable):
    """The event log has no room: nothing of this publish was taken."""


class DiskFull(Full):
    """The disk has no room: nothing was written."""


class Refused(VeedorError):
    """Input that is refused. `field` is a dotted path (or "" for the whole); `status` the HTTP status it maps to."""

    def __init__(self, detail: str, *, field: str = "", status: int = 422) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.detail = detail
        self.field = field
        self.status = status
