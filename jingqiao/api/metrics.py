"""Prometheus text from the service's own counters, read at the moment of asking; no global registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from jingqiao.notify.outbox_health import outbox_trouble

if TYPE_CHECKING:
    from jingqiao.service import Service


class ServiceCollector:
    """Turns a running service into metrics."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """All metrics, as prometheus-client asks for them."""
        yield from self._ingest()
        yield from self._engine()
        yield from self._response()
        yield from self._archive()

    def _ingest(self) -> Iterator[Metric]:
        names = (
            "messages",
            "readings",
            "strain_blocks",
            "acceleration_blocks",
            "notices",
            "unknown_keys",
            "log_failures",
        )
        intake = self._service.intake
        counters = {str(i): pipeline.counters for i, pipeline in enumerate(self._service.pipelines)}
        counters["ctwing"] = intake.counters
        for name in names:
            metric = CounterMetricFamily(f"jingqiao_ingest_{name}", f"{name} since start", labels=["source"])
            for source, counted in counters.items():
                metric.add_metric([source], float(getattr(counted, name)))
            yield metric
        yield CounterMetricFamily("jingqiao_pushes_repeated", "Pushes that came again", intake.repeated)
        letters = CounterMetricFamily(
            "jingqiao_dead_letters", "Messages that could not be used", labels=["source", "reason"]
        )
        lag = GaugeMetricFamily("jingqiao_ingest_lag_seconds", "Received to durable", labels=["source"])
        stuck = GaugeMetricFamily(
            "jingqiao_log_unavailable", "1 = nothing is acknowledged", labels=["source"]
        )
        connected = GaugeMetricFamily("jingqiao_source_connected", "1 = broker is heard", labels=["source"])
        for i, pipeline in enumerate(self._service.pipelines):
            lag.add_metric([str(i)], pipeline.counters.lag_s)
            stuck.add_metric([str(i)], float(pipeline.counters.log_unavailable))
            connected.add_metric([str(i)], float(self._service.sources[i].status.connected))
        for source, counted in counters.items():
            for reason, count in counted.dead_letters.items():
                letters.add_metric([source, reason], float(count))
        yield from (letters, lag, stuck, connected)

    def _engine(self) -> Iterator[Metric]:
        service, vitals = self._service, self._service.vitals
        yield GaugeMetricFamily("jingqiao_engine_seq", "Newest log record judged", vitals.applied_seq)
        yield GaugeMetricFamily("jingqiao_log_seq", "Newest log record", service.log.last_seq())
        yield CounterMetricFamily("jingqiao_engine_readings", "Readings judged", vitals.readings)
        yield CounterMetricFamily("jingqiao_engine_seconds", "Time in the engine", vitals.engine_s)
        yield CounterMetricFamily(
            "jingqiao_engine_late", "Readings that came late", service.engine.late_count
        )
        yield CounterMetricFamily(
            "jingqiao_engine_duplicates", "Readings that came again", service.engine.duplicate_count
        )
        yield CounterMetricFamily("jingqiao_engine_faults", "Failed evaluations", service.engine.fault_count)
        yield GaugeMetricFamily("jingqiao_sensors", "Sensors known", len(service.registry().sensors))
        changes = CounterMetricFamily("jingqiao_alarm_changes", "Alarm changes", labels=["hazard", "state"])
        for (hazard, state), count in vitals.changes.items():
            changes.add_metric([hazard, state], float(count))
        yield changes

    def _response(self) -> Iterator[Metric]:
        incidents = GaugeMetricFamily("jingqiao_open_incidents", "Open incidents", labels=["severity"])
        messages = GaugeMetricFamily("jingqiao_messages", "Messages to people by state", labels=["state"])
        counts = self._service.response_counts()
        for colour, count in counts.incidents.items():
            incidents.add_metric([colour], float(count))
        for state, count in counts.messages.items():
            messages.add_metric([state], float(count))
        yield from (incidents, messages)
        stuck = outbox_trouble(self._service.database, self._service.clock.now()) is not None
        yield GaugeMetricFamily("jingqiao_outbox_stuck", "1 = no message gets out", float(stuck))

    def _archive(self) -> Iterator[Metric]:
        feeder = self._service.feeder
        if feeder is None:
            return
        status = feeder.status
        yield CounterMetricFamily("jingqiao_archive_readings", "Readings archived", status.rows)
        yield GaugeMetricFamily("jingqiao_archive_seq", "Newest record archived", status.offset)
        yield GaugeMetricFamily("jingqiao_archive_failures", "Failed tries in a row", status.failures)


def metrics_text(service: Service) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(service))
    return generate_latest(registry)
