"""Logging in: what is refused, what is limited, and how long a session lasts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jingqiao.accounts import accounts, sessions
from jingqiao.accounts.accounts import Actor
from jingqiao.accounts.passwords import WeakPasswordError, fits, hashed
from jingqiao.accounts.role import Role, covers
from jingqiao.accounts.tables import account, account_session
from jingqiao.database import migrate, open_database, reading

HOUR = 3_600_000_000
T0 = 1_790_000_000_000_000
GOOD = "ten-and-more"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    made = open_database(f"sqlite:///{tmp_path}/db.sqlite")
    migrate(made)
    accounts.add(made, Actor("test", T0), name="Anna", role=Role.DUTY, password=GOOD)
    yield made
    made.dispose()


def test_a_role_may_do_what_lesser_ones_may() -> None:
    assert covers(Role.SUPERVISOR, Role.DUTY)
    assert covers(Role.DUTY, Role.DUTY)
    assert not covers(Role.VIEWER, Role.DUTY)


def test_passwords_are_kept_as_argon2id_and_weak_ones_refused(database: sa.Engine) -> None:
    with reading(database) as connection:
        kept = connection.execute(sa.select(account.c.password_hash)).scalar_one()
    assert kept.startswith("$argon2id$")
    assert fits(kept, GOOD)
    assert not fits(kept, GOOD + " ")
    for weak in ("short", "aaaaaaaaaaaa", "x" * 300, "somebody-here"):
        with pytest.raises(WeakPasswordError):
            hashed(weak, "somebody-here")


def test_a_name_is_the_same_in_any_case_and_a_session_is_only_in_the_cookie(database: sa.Engine) -> None:
    key = sessions.log_in(database, " ANNA ", GOOD, "192.0.2.1", T0)
    found = sessions.session_of(database, key, T0, 12 * HOUR)
    assert found is not None
    assert found.account.name == "anna"
    with reading(database) as connection:
        assert key not in connection.execute(sa.select(account_session.c.key_hash)).scalars().all()


def test_a_session_ends_when_it_is_idle_and_after_a_week_in_any_case(database: sa.Engine) -> None:
    key = sessions.log_in(database, "anna", GOOD, "", T0)
    now = T0
    while now - T0 < 7 * 24 * HOUR:
        assert sessions.session_of(database, key, now, 12 * HOUR) is not None
        now += 11 * HOUR
    assert sessions.session_of(database, key, now, 12 * HOUR) is None
    key = sessions.log_in(database, "anna", GOOD, "", T0)
    assert sessions.session_of(database, key, T0 + 13 * HOUR, 12 * HOUR) is None
    assert sessions.session_of(database, "no such key", T0, 12 * HOUR) is None


def test_five_failures_shut_out_the_pair_but_not_the_person_elsewhere(database: sa.Engine) -> None:
    for _ in range(sessions.MOST_BY_PAIR):
        with pytest.raises(sessions.LoginRefusedError):
            sessions.log_in(database, "anna", "wrong-password", "192.0.2.66", T0)
    with pytest.raises(sessions.TooManyAttemptsError) as shut:
        sessions.log_in(database, "anna", GOOD, "192.0.2.66", T0 + 60_000_000)
    assert shut.value.wait_s == 14 * 60
    assert sessions.log_in(database, "anna", GOOD, "192.0.2.1", T0)
    assert sessions.log_in(database, "anna", GOOD, "192.0.2.66", T0 + sessions.WINDOW_US + 1)


def test_one_address_cannot_try_many_names(database: sa.Engine) -> None:
    for turn in range(sessions.MOST_BY_ADDRESS):
        with pytest.raises(sessions.LoginRefusedError):
            sessions.log_in(database, f"name{turn}", "wrong-password", "192.0.2.66", T0)
    with pytest.raises(sessions.TooManyAttemptsError):
        sessions.log_in(database, "anna", GOOD, "192.0.2.66", T0)
