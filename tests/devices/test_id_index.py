"""Finding rows by id: the table answers as a dict does, for one id and for batches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import id_index
from devices.id_index import NOT_FOUND, IdIndex

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(known=st.lists(TEXT, unique=True, max_size=60), asked=st.lists(TEXT, max_size=60))
@settings(max_examples=150, deadline=None)
def test_the_table_answers_as_a_dict_does(known, asked):
    twin = {key: row for row, key in enumerate(known)}
    index = IdIndex(pa.array(known, pa.string()))
    batch = [*asked, *known]
    expected = [twin.get(key, NOT_FOUND) for key in batch]
    assert index.find(batch).tolist() == expected
    assert [index.find_one(key) for key in batch] == expected


@given(TEXT)
def test_the_batch_hashes_as_the_single_id_does(key):
    assert id_index._hashes(pa.array([key, ""]))[0] == id_index._hash(key.encode())


def test_ids_whose_hashes_are_the_same_are_told_apart(monkeypatch):
    monkeypatch.setattr(id_index, "_hashes", lambda ids: np.full(len(ids), 7 << 32, np.uint64))
    monkeypatch.setattr(id_index, "_hash", lambda data: 7 << 32)
    index = IdIndex(pa.array(["a", "b", "c"]))
    assert index.find(["c", "b", "a", "d"]).tolist() == [2, 1, 0, NOT_FOUND]


def test_a_slice_of_a_column_is_indexed_by_its_own_rows():
    index = IdIndex(pa.array(["x", "井盖", "y", "z"]).slice(1, 2))
    assert index.find(["x", "井盖", "y", "z"]).tolist() == [NOT_FOUND, 0, 1, NOT_FOUND]


def test_an_empty_table_and_an_empty_question_have_no_answer():
    index = IdIndex(pa.array([], pa.string()))
    assert index.find(["a"]).tolist() == [NOT_FOUND]
    assert index.find([]).tolist() == []
    assert index.find_one("") == NOT_FOUND


def test_text_that_is_no_unicode_is_not_found():
    index = IdIndex(pa.array(["a"]))
    assert index.find(["a", "\ud800"]).tolist() == [0, NOT_FOUND]
    assert index.find_one("\ud800") == NOT_FOUND


def test_many_like_ids_do_not_pile_up():
    ids = [f"24e124{i:010d}" for i in range(100_000)]
    index = IdIndex(pa.array(ids))
    assert index.find(ids[::7]).tolist() == list(range(0, 100_000, 7))
    home = id_index._hashes(pa.array(ids)) & np.uint64(index._mask)
    at = np.flatnonzero(index._rows != NOT_FOUND)
    distance = (at - home[index._rows[at]].astype(np.int64)) & index._mask
    assert distance.max() < 100
