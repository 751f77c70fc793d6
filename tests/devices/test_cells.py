"""Whole columns of cells are read as one cell at a time would be."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import cells
from devices.table_file import FaultList, TextTable

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
CHINA = datetime.timezone(datetime.timedelta(hours=8))
YEARS = {
    "min_value": datetime.datetime(1901, 1, 2),  # noqa: DTZ001 - the zone is drawn beside it
    "max_value": datetime.datetime(2099, 12, 30),  # noqa: DTZ001
}
ZONES = st.one_of(
    st.none(),
    st.integers(-12 * 60, 14 * 60).map(lambda m: datetime.timezone(datetime.timedelta(minutes=m))),
)


def table(column: list[str]) -> TextTable:
    return TextTable({"x": pa.array(column, pa.string())}, FaultList("f", lines=lambda: lines), len(column))


lines = np.arange(2, 1000)


@given(st.lists(st.tuples(st.datetimes(**YEARS), ZONES), max_size=20))
@settings(max_examples=100, deadline=None)
def test_instants_are_those_of_the_standard_library(moments):
    texts, expected = [], []
    for moment, zone in moments:
        texts.append(moment.replace(tzinfo=zone).isoformat(" " if zone is None else "T"))
        expected.append((moment.replace(tzinfo=zone or CHINA) - EPOCH) // datetime.timedelta(microseconds=1))
    given_table = table(texts)
    assert cells.instant(given_table, "x").tolist() == expected
    assert not given_table.faults


@given(st.lists(st.tuples(st.integers(1899, 2101), st.integers(0, 13), st.integers(0, 32)), max_size=30))
@settings(max_examples=100, deadline=None)
def test_days_are_those_of_the_standard_library_and_others_are_faults(parts):
    read = table([f"{y}-{m}-{d}" for y, m, d in parts])
    expected, wrong = [], 0
    for year, month, day in parts:
        try:
            days = (datetime.date(year, month, day) - datetime.date(1970, 1, 1)).days
            if not 1900 <= year <= 2100:
                raise ValueError
        except ValueError:
            days, wrong = -1, wrong + 1
        else:
            days = -2 if days == -1 else days
        expected.append(days)
    assert cells.day(read, "x").tolist() == expected
    assert len(read.faults.faults) == wrong


@given(st.lists(st.one_of(st.floats(-1000, 1000), st.integers(-1000, 1000)), max_size=30))
@settings(max_examples=100, deadline=None)
def test_numbers_are_those_of_the_standard_library_within_their_range(values):
    read = table([repr(value) for value in values])
    found = cells.number(read, "x", -500, 500)
    expected = [float(value) if -500 <= value <= 500 else np.nan for value in values]
    np.testing.assert_array_equal(found, expected)
    assert len(read.faults.faults) == int(np.isnan(expected).sum())
