"""The history of searches never blocks anybody."""

import sqlite3

import pytest

from vidlocal.errors import StoreError
from vidlocal.store.database import BUSY_TIMEOUT_S, Library
from vidlocal.store.history import searches


def busy_timeout_ms(library: Library) -> int:
    return library.number("PRAGMA busy_timeout")


def test_a_connection_waits_for_other_writers_as_before_once_a_search_is_recorded(library: Library) -> None:
    searches.add(library, "bride", 1)
    searches.store_vector(library, "clip@1", "bride", [1.0])
    assert busy_timeout_ms(library) == BUSY_TIMEOUT_S * 1000


def test_unrecorded_search_keeps_the_timeout(library: Library) -> None:
    other = sqlite3.connect(library.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        searches.add(library, "bride", 1)
    other.close()
    assert busy_timeout_ms(library) == BUSY_TIMEOUT_S * 1000
