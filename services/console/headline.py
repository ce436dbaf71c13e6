"""A headline as it reads on a day. In: what an alert said when it last changed, and the day; out: the same, where a first day that has passed meanwhile is said as past.

An alert is revised when its level, stage or reading changes, not daily: the day it named as the earliest may be behind us.
"""

from __future__ import annotations

import datetime as dt
import re

from shared.events import Words

MONTHS = {name: at for names in ("ene feb mar abr may jun jul ago set oct nov dic", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec") for at, name in enumerate(names.split(), 1)}
SPANISH = re.compile(r"puede regir desde el (\d{1,2}) (\w{3}) (\d{4}), no antes")
ENGLISH = re.compile(r"it can bind from (\d{1,2}) (\w{3}) (\d{4}) at the earliest")


def as_of(headline: Words, today: dt.date) -> Words:
    """`headline` on `today`: "can bind from D at the earliest" is "could have bound since D" once D has passed."""
    return Words(es=_since(headline.es, SPANISH, "pudo regir desde el", today), en=_since(headline.en, ENGLISH, "it could have bound since", today))


def _since(said: str, form: re.Pattern[str], past: str, today: dt.date) -> str:
    found = form.search(said)
    if found is None or found[2] not in MONTHS:
        return said
    named = (int(found[3]), MONTHS[found[2]], int(found[1]))
    return form.sub(f"{past} {found[1]} {found[2]} {found[3]}", said) if named < (today.year, today.month, today.day) else said
