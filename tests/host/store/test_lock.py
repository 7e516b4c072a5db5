"""One host a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from babbitt.errors import StoreError
from babbitt.service import Host
from babbitt.store.lock import StoreLock


def test_a_second_host_on_the_same_store_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0", kinds={}) as first:
        with pytest.raises(StoreError, match="another host works on the store"):
            Host(tmp_path / "store", broker_listen="127.0.0.1:0", kinds={}).start()
        assert first.reader.nodes() == []
    with Host(tmp_path / "store", broker_listen="127.0.0.1:0", kinds={}):
        pass  # given back


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened: Not a directory"):
        StoreLock(tmp_path / "file" / "store")
