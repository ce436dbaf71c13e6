"""`veedor demo`: the main job on real input. Starts the house on a home of its own, replays the record as if each day were today, shows what was read, warned of and delivered."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from services.backtest import by_move, decisive_step
from services.ingest.importer import read_record
from services.ingest.observation import Observation, visible_from
from services.ingest.store import Store
from services.receiver import Receiver
from services.up import House, running
from shared.bus.contract import Bus
from shared.countries import load
from shared.countries.document import Document
from shared.countries.form import LandmarksFile
from shared.countries.pack import Pack
from shared.errors import Refused
from shared.events import TOPICS, Level, Provenance, Tlp, dead_letters
from shared.http import client
from shared.identity import Role, issue, load_key
from shared.process import EXERCISE, Context, open_context
from shared.settings import PORTS, Settings

BEGIN = dt.date(2021, 7, 1)
RECEIVER = "the demo's own receiver"
LOG_BYTES = 256 << 20
"""Room of the replay's event log, unless less is set: what all have read makes place for what follows. Five years are 430 MB, and nobody reads them twice."""
MAX_WAITING = 5_000
"""Outbox rows that may wait before the replay waits for the rest of the house."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Replay:
    """The record by the day on which each observation could first be read."""

    observations: list[Observation]

    def days(self) -> Iterator[tuple[dt.date, list[Observation]]]:
        """Every day from BEGIN (or the first observation, if later) to the last, with what became public on it; the first day also has what was public before."""
        pending = sorted(self.observations, key=lambda o: (visible_from(o), o.first_day, o.key))
        day, last = max(BEGIN, visible_from(pending[0])), visible_from(pending[-1])
        while day <= last:
            today: list[Observation] = []
            while pending and visible_from(pending[0]) <= day:
                today.append(pending.pop(0))
            yield day, today
            day += dt.timedelta(days=1)


def replay(settings: Settings, stop: threading.Event, *, leave: bool, record: Path | None, write: Callable[[Figures], None]) -> None:
    """Runs the demo to its summary, then serves until `stop` unless told to leave."""
    started = time.monotonic()
    pack = load(settings.country)
    source = record or pack.directory / "record.jsonl"
    observations = list(read_record(source, pack))
    _claim_home(settings.home)
    context = open_context(modest(settings), stop)
    port = PORTS["console"] if settings.port is None else settings.port
    say = Console(highlight=False)
    with Receiver(settings.home / "receiver.log").serving() as receiver, running(context, port) as house:
        api = _client(context, house)
        receiver.secret = _subscribe(api, receiver.url)
        _replay_days(context, Replay(observations), source.name, pack, stop)
        _settle(api, context, stop)
        if stop.is_set():
            say.print("Interrupted: run the same command again and it resumes here.")
            return
        figures = _figures(api, context.bus, receiver, observations) | {"url": house.url, "seconds": round(time.monotonic() - started, 1)}
        write(figures)
        _show(say, figures, pack, observations, api)
        if leave:
            return
        home = settings.home
        say.print(f"\nThe console is open until Ctrl-C. Another link: .venv/bin/veedor token link --home {home} --url {house.url}", soft_wrap=True, markup=False)
        say.print("Sign in with this link (good once, for ten minutes):")
        say.print(house.sign_in_link(), soft_wrap=True, markup=False)
        stop.wait()


def modest(settings: Settings) -> Settings:
    """With an event log that fits beside other things on a laptop."""
    return settings.model_copy(update={"local_log_max_bytes": min(settings.local_log_max_bytes, LOG_BYTES)})


def _claim_home(home: Path) -> None:
    """A replay needs a home of its own: a home with real work in it is refused, and this one is marked for ever."""
    marker = home / EXERCISE
    if not marker.exists() and (home / "ingest.db").exists():
        raise Refused(f"{home} holds real work: give the demo a home of its own", field="--home")
    home.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _client(context: Context, house: House) -> httpx.Client:
    """The demo reads and writes like any client: through the public paths, with a token."""
    token = issue(
        load_key(context.settings.keys / "identity.pem"),
        subject="demo",
        roles=[Role.ADMIN],
        clearance=Tlp.AMBER,
        ttl=dt.timedelta(days=1),
        now=context.now(),
    )
    return client("http://veedor.internal", transport=httpx.WSGITransport(app=house.app), timeout=60, headers={"Authorization": f"Bearer {token}"})


def _subscribe(api: httpx.Client, url: str) -> str:
    """The receiver's subscription: made once, pointed at the receiver's new port and given a new secret on every run. Returns the secret."""
    listed = api.get("/v1/subscriptions", params={"limit": 500}).raise_for_status().json()["items"]
    mine = next((found for found in listed if found["description"] == RECEIVER), None)
    if mine is None:
        made = api.post("/v1/subscriptions", json={"url": url, "description": RECEIVER, "min_level": "elevated"}).raise_for_status()
        return str(made.json()["secret"])
    api.patch(f"/v1/subscriptions/{mine['id']}", json={"url": url, "status": "active"}).raise_for_status()
    renewed = api.post(f"/v1/subscriptions/{mine['id']}/secret", json={"overlap_hours": 0}).raise_for_status()
    return str(renewed.json()["secret"])


def _replay_days(context: Context, plan: Replay, source: str, pack: Pack, stop: threading.Event) -> None:
    """Advances ingest day by day from where it stands; waits when the rest of the house is behind."""
    store = Store(context.database("ingest"), pack)
    reached = store.progress("replay")
    days = list(plan.days())
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} days"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("replaying", total=len(days))
        for day, seen in days:
            if stop.is_set():
                return
            if reached is None or day > reached:
                while store.waiting() > MAX_WAITING and not stop.wait(0.05):
                    pass
                store.advance(day, seen, exercise=True, provenance=Provenance(source=f"record:{source}"))
            bar.update(task, advance=1, description=f"replaying {day:%b %Y}")


def _settle(api: httpx.Client, context: Context, stop: threading.Event) -> None:
    """Waits until everything accepted has gone all the way: outbox, bus, ledger, deliveries."""
    with Console(stderr=True).status("waiting for the last alerts to be delivered"):
        quiet = 0
        while quiet < 3 and not stop.wait(0.2):
            quiet = quiet + 1 if _at_rest(api, context) else 0


def _at_rest(api: httpx.Client, context: Context) -> bool:
    ingest = api.get("/v1/sources").json()
    summary = api.get("/v1/summary").json()
    pending = api.get("/v1/deliveries", params={"status": "pending", "limit": 1}).json()["total"]
    return ingest["waiting"] == 0 and summary["waiting"] == 0 and pending == 0 and _lag(context.bus) == 0


def _lag(bus: Bus) -> int:
    return sum(bus.lag(f"veedor.{service}", topic) for service, topic in zip(("scoring", "alerting", "webhooks"), TOPICS, strict=True))


def _total(api: httpx.Client, path: str, **params: Any) -> int:
    return int(api.get(path, params={"limit": 1, **params}).raise_for_status().json()["total"])


def _figures(api: httpx.Client, bus: Bus, receiver: Receiver, observations: list[Observation]) -> Figures:
    summary = api.get("/v1/summary").raise_for_status().json()
    return {
        "moves_read": _total(api, "/v1/moves"),
        "moves_scored": summary["scored"],
        "alerted": summary["alerted"],
        "not_alerted": summary["scored"] - summary["alerted"],
        "by_level": {str(level): 0 for level in Level} | summary["by_level"] | {"none": summary["scored"] - summary["alerted"]},
        "dead_letters": sum(bus.count(dead_letters(topic)) for topic in TOPICS),
        "deliveries": {
            "sent": _total(api, "/v1/deliveries", status="delivered"),
            "verified": len(receiver.verified),
            "failed": _total(api, "/v1/deliveries", status="failed") + len(receiver.refused - receiver.verified),
        },
        "gravest": [gravest_row(item, _levels(api, item["alert_id"]), observations) for item in _gravest(api)],
    }


def _gravest(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/alerts", params={"sort": "-peak", "limit": 10}).raise_for_status().json()["items"]
    return found


def _levels(api: httpx.Client, alert_id: str) -> list[tuple[str, str]]:
    """Day and level of each revision of an alert, as it was told."""
    history = api.get(f"/v1/alerts/{alert_id}").raise_for_status().json()["history"]
    return [(told["as_of"], told["level"]) for told in sorted(history, key=lambda told: int(told["revision"]))]


def gravest_row(item: Mapping[str, Any], levels: list[tuple[str, str]], observations: list[Observation]) -> Figures:
    """An alert with its level when it opened, the day on which it first was at its gravest, and its lead time before the decisive step of its move."""
    decisive = decisive_step(by_move(observations).get(item["key"], []))
    first = dt.date.fromisoformat(item["opened_as_of"])
    return {
        "move_id": item["move_id"],
        "key": item["key"],
        "title": item["title"],
        "level": item["peak_level"],
        "risk": item["peak_risk"],
        "first_alert": first.isoformat(),
        "first_level": item["first_level"],
        "peak_on": next((day for day, level in levels if level == item["peak_level"]), None),
        "decisive": decisive.date.isoformat() if decisive else None,
        "lead_days": (decisive.date - first).days if decisive and first < decisive.date else None,
    }


def _show(console: Console, figures: Figures, pack: Pack, observations: list[Observation], api: httpx.Client) -> None:
    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False)

    levels = ", ".join(f"{figures['by_level'].get(level, 0)} {level}" for level in reversed(Level) if level is not Level.NONE)
    sent = figures["deliveries"]
    say(f"\nEXERCISE: {len(observations)} observations replayed, each day as if it were today.")
    say(f"{figures['moves_read']} moves read, {figures['moves_scored']} scored, {figures['alerted']} alerted (at their peak {levels}), {figures['not_alerted']} not alerted.")
    say(f"{sent['sent']} deliveries to a receiver on this machine, {sent['verified']} verified with the public standardwebhooks package, {sent['failed']} failed.")
    say(f"{figures['dead_letters']} dead letters. (The receiver's private address is let through for the demo only: `veedor up` refuses such addresses.)")
    say("\nThe ten gravest (level and risk at their peak), when each was first warned of, and the days from there to the decisive step:")
    for row in figures["gravest"]:
        say(f"  {row['level']:<9}{row['risk']:>3.0f}  {rise(row):<56}  {_lead(row):<28}  {row['title'][:90]}")
    say("\nWhat a reader of these years expects to find:")
    for line in landmark_lines(pack, observations, api):
        say(f"  {line}")
    say(f"\nDone in {figures['seconds']} s.")


def rise(row: Figures) -> str:
    """At which level it was first warned of, and when it rose to its peak."""
    opened = f"first {row['first_alert']} at {row['first_level']}"
    return f"{opened}, {row['level']} from {row['peak_on']}" if row["peak_on"] not in (None, row["first_alert"]) else opened


def _lead(row: Figures) -> str:
    if row["lead_days"] is not None:
        return f"{row['lead_days']:>3} days before {row['decisive']}"
    return "no earlier step is public" if row["decisive"] else "no decisive step"


def landmark_lines(pack: Pack, observations: list[Observation], api: httpx.Client) -> Iterator[str]:
    """One line for each landmark of the pack that the replayed record holds: when Veedor first warned and how long there was."""
    file = pack.directory / "landmarks.yaml"
    moves = by_move(observations)
    for landmark in Document(file).read(LandmarksFile).landmarks if file.exists() else ():
        if landmark.key in moves:
            found = api.get("/v1/alerts", params={"q": landmark.key, "limit": 1}).raise_for_status().json()["items"]
            yield f"{landmark.en:<66} {warned(found[0] if found else None, moves[landmark.key])}"


def warned(item: Mapping[str, Any] | None, observations: list[Observation]) -> str:
    """When it was first warned of, against the decisive step; says so where no earlier step is public."""
    decisive = decisive_step(observations)
    if item is None:
        return f"not alerted (decisive step {decisive.date})" if decisive else "not alerted"
    first = dt.date.fromisoformat(item["opened_as_of"])
    rose = "" if item["first_level"] == item["peak_level"] else f", {item['peak_level']} at its peak"
    text = f"first warned {first} at {item['first_level']}{rose}"
    if decisive is None:
        return f"{text}; it never reached a decisive step"
    if visible_from(observations[0]) >= decisive.date:
        return f"{text}; no step before the decisive one of {decisive.date} is public"
    days = (decisive.date - first).days
    return f"{text}, {days} days before {decisive.stage} on {decisive.date}" if days > 0 else f"{text}, after the decisive step of {decisive.date}: missed"
