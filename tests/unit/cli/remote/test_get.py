"""Where downloads go."""

from __future__ import annotations

from pathlib import Path

import pytest

from echofs.cli.remote.get import _make
from echofs.client import Refused


def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    _make(tmp_path / "new" / "deep")
    _make(tmp_path / "new" / "deep")
    (tmp_path / "file").touch()
    for in_the_way in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Refused) as refused:
            _make(in_the_way)
        assert str(in_the_way) in refused.value.message
        assert (tmp_path / "new" / "deep").is_dir()
