"""Accounts as the public interface shows them."""

from __future__ import annotations

from jingqiao.accounts.accounts import Account
from jingqiao.incidents.view import rfc3339


def account_json(item: Account) -> dict[str, object]:
    """One account, JSON-ready."""
    return {
        "name": item.name,
        "display_name": item.display_name,
        "role": item.role.value,
        "person": item.person,
        "disabled": item.disabled_at is not None,
        "created_at": rfc3339(item.created_at),
        "last_login_at": rfc3339(item.last_login_at),
        "password": item.has_password,
        "external": item.external_id is not None,
    }
