"""API tokens: shown once, kept as a hash, good for their scopes and their time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jingqiao.database import migrate, open_database, reading, writing
from jingqiao.tokens.store import (
    ApiToken,
    Scope,
    ScopeMissingError,
    UnknownTokenError,
    admit,
    issue,
    revoke,
    tokens,
)

HOUR = 3600 * 1_000_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/a.db")
    migrate(opened)
    yield opened
    opened.dispose()


def made(database: sa.Engine, *scopes: Scope, expires_at: int | None = None) -> str:
    with writing(database) as connection:
        number, secret = issue(
            connection, name="platform", scopes=scopes, who="clerk", now=0, expires_at=expires_at
        )
    assert number >= 1
    return secret


def only(database: sa.Engine) -> ApiToken:
    with reading(database) as connection:
        (token,) = tokens(connection)
    return token


def test_a_token_opens_what_it_is_for_and_nothing_else(database: sa.Engine) -> None:
    secret = made(database, Scope.CAP_READ, Scope.CASES_READ)
    assert admit(database, secret, [Scope.CAP_READ], 5).name == "platform"
    with pytest.raises(ScopeMissingError, match="lacks the scope incidents:write"):
        admit(database, secret, [Scope.CAP_READ, Scope.INCIDENTS_WRITE], 5)


def test_the_database_holds_no_token(database: sa.Engine, tmp_path: Path) -> None:
    secret = made(database, Scope.CAP_READ)
    admit(database, secret, [Scope.CAP_READ], 5)
    database.dispose()
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_token_ends_at_its_time_and_not_before(database: sa.Engine) -> None:
    secret = made(database, Scope.CAP_READ, expires_at=HOUR)
    admit(database, secret, [Scope.CAP_READ], HOUR - 1)
    with pytest.raises(UnknownTokenError):
        admit(database, secret, [Scope.CAP_READ], HOUR)


def test_a_revoked_token_opens_nothing_and_is_revoked_once(database: sa.Engine) -> None:
    secret = made(database, Scope.CAP_READ)
    with writing(database) as connection:
        assert revoke(connection, 1, "clerk", 7)
        assert not revoke(connection, 1, "other", 8)
    with pytest.raises(UnknownTokenError):
        admit(database, secret, [Scope.CAP_READ], 9)
    assert (only(database).revoked_by, only(database).revoked_at) == ("clerk", 7)


@pytest.mark.parametrize("secret", ["", "jq_", "jq_" + "x" * 43, "令牌"])
def test_what_is_no_token_opens_nothing(database: sa.Engine, secret: str) -> None:
    made(database, Scope.CAP_READ)
    with pytest.raises(UnknownTokenError):
        admit(database, secret, [], 5)


def test_the_last_use_is_known_to_the_minute(database: sa.Engine) -> None:
    secret = made(database, Scope.CAP_READ)
    seen = []
    for at in (HOUR, HOUR + 59_000_000, HOUR + 60_000_000):
        admit(database, secret, [Scope.CAP_READ], at)
        seen.append(only(database).last_used_at)
    assert seen == [HOUR, HOUR, HOUR + 60_000_000]


def test_a_scope_that_a_later_version_wrote_opens_nothing_and_breaks_nothing(database: sa.Engine) -> None:
    secret = made(database, Scope.CAP_READ)
    with writing(database) as connection:
        connection.execute(sa.text('UPDATE api_token SET scopes = \'["moon:read", "cap:read"]\''))
    assert admit(database, secret, [Scope.CAP_READ], 5).scopes == {Scope.CAP_READ}


def test_a_token_without_a_scope_or_with_an_end_in_the_past_is_not_made(database: sa.Engine) -> None:
    with pytest.raises(ValueError, match="without a scope"):
        made(database)
    with pytest.raises(ValueError, match="before now"):
        made(database, Scope.CAP_READ, expires_at=0)
