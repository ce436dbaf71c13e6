"""The dashboard *Pipeline*: what an operator looks at first. Run it to write dashboards/pipeline.json: `python deploy/grafana/pipeline.py` (a test holds the file to it)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueGraphMode
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, GridPos, Threshold, ThresholdsMode

TARGET = Path(__file__).parent / "dashboards" / "pipeline.json"
SOURCE = DataSourceRef(type_val="prometheus", uid="veedor-prometheus")


@dataclass(frozen=True)
class Chart:
    """A panel: what it shows, in which unit, one or more expressions with their legends. `alarming` is from where a number is red."""

    title: str
    unit: str
    about: str
    expressions: tuple[tuple[str, str], ...]
    alarming: float | None = None


NOW = (
    Chart("Moves a minute", "short", "Assessed by scoring, over five minutes.", (('60 * sum(rate(veedor_events_handled_total{service="scoring"}[5m])) or vector(0)', "moves"),)),
    Chart(
        "Alerts a minute",
        "short",
        "Revisions of alerts published, over five minutes.",
        (('60 * sum(rate(veedor_outbox_published_total{service="alerting"}[5m])) or vector(0)', "alerts"),),
    ),
    Chart("Records behind", "short", "Records no consumer has committed yet, all topics.", (("sum(veedor_consumer_lag)", "lag"),), 10_000),
    Chart("Dead letters", "short", "Put aside in the last day: `veedor dlq list` shows them.", (("sum(increase(veedor_dead_letters_total[1d])) or vector(0)", "dead"),), 1),
    Chart("Oldest pending delivery", "s", "How long the delivery that waits longest has waited.", (("max(veedor_webhook_oldest_pending_seconds)", "age"),), 600),
    Chart("Processes down", "short", "Processes that do not answer Prometheus.", (('count(up{job="veedor"} == 0) or vector(0)', "down"),), 1),
)
OVER_TIME = (
    Chart(
        "Throughput",
        "cpm",
        "Events a minute: moves published by ingest, assessed by scoring, taken in by alerting; alerts published and queued for delivery.",
        (
            ('60 * sum(rate(veedor_outbox_published_total{service="ingest"}[5m]))', "moves published"),
            ("60 * sum by (service) (rate(veedor_events_handled_total[5m]))", "handled by {{service}}"),
            ('60 * sum(rate(veedor_outbox_published_total{service="alerting"}[5m]))', "alerts published"),
        ),
    ),
    Chart("Lag by topic", "short", "Records not yet committed.", (("sum by (service, topic) (veedor_consumer_lag)", "{{service}} on {{topic}}"),), 10_000),
    Chart(
        "Handler latency",
        "s",
        "Seconds from poll to commit of a batch: half of them, and the slowest hundredth.",
        (
            ("histogram_quantile(0.5, sum by (service, le) (rate(veedor_handler_seconds_bucket[5m])))", "{{service}} p50"),
            ("histogram_quantile(0.99, sum by (service, le) (rate(veedor_handler_seconds_bucket[5m])))", "{{service}} p99"),
        ),
    ),
    Chart("Outbox depth", "short", "Rows waiting to be published, as last read; one batch is the most it counts.", (("max by (service) (veedor_outbox_depth)", "{{service}}"),)),
    Chart(
        "Dead letters and retries",
        "cpm",
        "A minute. Retries say that a dependency did not answer.",
        (
            ("60 * sum by (service, topic) (rate(veedor_dead_letters_total[5m]))", "dead letters of {{service}}"),
            ("60 * sum by (service) (rate(veedor_handler_retries_total[5m]))", "retries of {{service}}"),
        ),
    ),
    Chart(
        "Delivery outcomes",
        "cpm",
        "Attempts a minute, by what came of them.",
        (("60 * sum by (outcome, reason) (rate(veedor_webhook_attempts_total[5m]))", "{{outcome}} {{reason}}"),),
    ),
    Chart(
        "Accepted to delivered",
        "s",
        "Seconds from queued to acknowledged by the subscriber.",
        (
            ("histogram_quantile(0.5, sum by (le) (rate(veedor_webhook_accept_to_delivered_seconds_bucket[5m])))", "p50"),
            ("histogram_quantile(0.99, sum by (le) (rate(veedor_webhook_accept_to_delivered_seconds_bucket[5m])))", "p99"),
        ),
    ),
    Chart(
        "Deliveries waiting",
        "short",
        "Due or between tries; held for a paused subscription; endpoints given a rest.",
        (("max(veedor_webhook_pending)", "pending"), ("max(veedor_webhook_held)", "held"), ("sum(veedor_webhook_breakers_open)", "breakers open")),
    ),
    Chart(
        "Loops",
        "s",
        "Seconds since each consumer's loop last turned.",
        (("time() - max by (service, instance) (veedor_loop_turned_timestamp_seconds)", "{{service}} {{instance}}"),),
        60,
    ),
    Chart(
        "Requests",
        "cpm",
        "Answers a minute by service and class of status.",
        (('60 * sum by (service, class) (label_replace(rate(veedor_http_requests_total[5m]), "class", "${1}xx", "status", "(.).."))', "{{service}} {{class}}"),),
    ),
)


def expressions() -> list[str]:
    """Every expression of the dashboard."""
    return [expression for chart in (*NOW, *OVER_TIME) for expression, _ in chart.expressions]


def queries(chart: Chart) -> list[prometheus.Dataquery]:
    return [prometheus.Dataquery().ref_id(chr(ord("A") + place)).expr(expression).legend_format(legend) for place, (expression, legend) in enumerate(chart.expressions)]


def thresholds(chart: Chart) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green")] + ([Threshold(value=chart.alarming, color="red")] if chart.alarming is not None else [])
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def number(chart: Chart, place: int) -> stat.Panel:
    panel = stat.Panel().title(chart.title).description(chart.about).unit(chart.unit).datasource(SOURCE).thresholds(thresholds(chart))
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"])).graph_mode(BigValueGraphMode.AREA).grid_pos(GridPos(h=4, w=4, x=4 * place, y=0))
    for query in queries(chart):
        panel = panel.with_target(query)
    return panel


def curve(chart: Chart, place: int) -> timeseries.Panel:
    panel = timeseries.Panel().title(chart.title).description(chart.about).unit(chart.unit).datasource(SOURCE).thresholds(thresholds(chart)).min(0).fill_opacity(8)
    panel = panel.grid_pos(GridPos(h=8, w=12, x=12 * (place % 2), y=4 + 8 * (place // 2)))
    for query in queries(chart):
        panel = panel.with_target(query)
    return panel


def build() -> str:
    """The dashboard as JSON, the same for the same code."""
    board = dashboard.Dashboard("Pipeline").uid("veedor-pipeline").description("From a move to a delivered alert.").tags(["veedor"])
    board = board.refresh("10s").time("now-1h", "now").timezone("browser").readonly().tooltip(DashboardCursorSync.CROSSHAIR)
    for place, chart in enumerate(NOW):
        board = board.with_panel(number(chart, place))
    for place, chart in enumerate(OVER_TIME):
        board = board.with_panel(curve(chart, place))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
