"""What words of an answer by SMS mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jingqiao.notify.spoken import Answer, understood


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("1", Answer()),
        (" １。", Answer()),
        ("收到", Answer()),
        ("收到!", Answer()),
        ("OK", Answer()),
        ("1 57", Answer((57,))),
        ("1#57", Answer((57,))),
        ("1，57、58", Answer((57, 58))),
        ("接警 57 57", Answer((57,))),
        ("#57", Answer((57,))),
        ("57", Answer((57,))),
        ("1 1", Answer((1,))),
        ("1 全部", Answer(everything=True)),
        ("1 all", Answer(everything=True)),
        ("2", Answer((2,))),
        ("", None),
        ("退订", None),
        ("T", None),
        ("1 号井盖在哪里", None),
        ("不是我", None),
        ("57 什么情况", None),
        ("1 " + "9" * 40, None),
    ],
)
def test_what_words_mean(words: str, meaning: Answer | None) -> None:
    assert understood(words) == meaning


@given(st.text(max_size=80))
def test_any_words_have_a_meaning_or_none(words: str) -> None:
    answer = understood(words)
    assert answer is None or all(0 <= number < 10**19 for number in answer.incident_ids)
