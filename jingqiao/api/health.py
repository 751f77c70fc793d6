"""Is the service well? What keeps a warning from getting through right now, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config.messages import text
from jingqiao.exchange.webhooks import hook_states
from jingqiao.incidents.view import rfc3339
from jingqiao.notify.outbox_health import outbox_trouble

if TYPE_CHECKING:
    from jingqiao.service import Service

_STALE_S = 30
_HOOK_STALLED_US = 15 * 60 * 1_000_000
_DAY_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Health:
    """Nothing in `problems` = well."""

    problems: tuple[str, ...]
    facts: dict[str, Any]


def health_of(service: Service) -> Health:
    """Look at every stage of the way."""
    language = service.settings.language
    problems: list[str] = []
    for pipeline, source, settings in zip(
        service.pipelines, service.sources, service.settings.mqtt, strict=True
    ):
        if not source.status.connected:
            trouble = source.status.trouble
            problems.append(
                trouble.sentence(language)
                if trouble is not None
                else text("health.source", language, url=settings.url)
            )
        if pipeline.counters.log_unavailable:
            problems.append(text("health.log", language))
    age_s = (service.clock.now() - service.vitals.applied_at) / 1e6 if service.vitals.applied_at else 0.0
    if age_s > max(_STALE_S, 3 * service.settings.tick_s):
        problems.append(text("health.engine", language, seconds=round(age_s)))
    if service.feeder is not None and service.feeder.status.failures:
        problems.append(text("health.archive", language, failures=service.feeder.status.failures))
    for file, faults in service.reload.faulty.items():
        problems.append(text("health.file", language, file=file.name, faults=faults))
    if outbox_trouble(service.database, service.clock.now()) is not None:
        problems.append(text("health.outbox", language))
    problems += _other_systems(service)
    counts = service.response_counts()
    if counts.messages.get("failed", 0):
        problems.append(text("health.messages", language, count=counts.messages["failed"]))
    return Health(
        tuple(problems),
        {
            "engine_seq": service.vitals.applied_seq,
            "log_seq": service.log.last_seq(),
            "readings": service.vitals.readings,
            "last_reading_at": service.vitals.last_reading_at,
            "open_incidents": dict(counts.incidents),
        },
    )


def _other_systems(service: Service) -> list[str]:
    """Systems that have not taken events for a quarter of an hour, or refused some today."""
    hooks = service.settings.webhooks
    if not hooks:
        return []
    language, now = service.settings.language, service.clock.now()
    problems = []
    for state in hook_states(service.database, [hook.name for hook in hooks], now - _DAY_US):
        if state.waiting_since is not None and now - state.waiting_since > _HOOK_STALLED_US:
            since = rfc3339(state.waiting_since)
            problems.append(
                text("exchange.stalled", language, hook=state.hook, since=since, count=state.waiting)
            )
        if state.dead:
            problems.append(text("exchange.dead", language, hook=state.hook, count=state.dead))
    return problems
