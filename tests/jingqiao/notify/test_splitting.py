"""Cutting by bytes, on character borders."""

from hypothesis import given
from hypothesis import strategies as st

from jingqiao.notify.channels.splitting import utf8_parts


@given(st.text(max_size=300), st.integers(4, 60))
def test_parts_fit_and_are_the_text_again(text: str, limit: int) -> None:
    parts = utf8_parts(text, limit)
    assert "".join(parts) == text
    assert all(len(part.encode()) <= limit for part in parts)
    assert all(parts) or parts == [""]


def test_a_line_end_near_the_limit_is_preferred() -> None:
    assert utf8_parts("井盖缺失\n滨湖东路\n", 20) == ["井盖缺失\n", "滨湖东路\n"]


def test_a_full_message_of_wecom_is_one_part() -> None:
    assert [len(p.encode()) for p in utf8_parts("盖" * 683, 2048)] == [2046, 3]
    assert utf8_parts("a" * 2048, 2048) == ["a" * 2048]
