"""Quotas: refused before the body where that is certain, and in the commit always."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.errors import NotFound, QuotaExceeded
from echofs.ports.resumable import Terms
from echofs.services.parents import Place
from echofs.services.publishing import Published
from echofs.services.quotas import FRESH_SECONDS
from echofs.services.uploads import FORM_BYTES, Declared, Target, Upload
from tests.unit.services.data_plane import OWNER, DataPlane, bytes_of
from tests.unit.services.two_hosts import ANNA

QUOTA = 1000


def begin(plane: DataPlane, target: Target | str, declared: Declared, quota: int | None = QUOTA) -> Upload:
    if isinstance(target, str):
        target = Target(OWNER, path=target)
    upload = plane.uploads.begin(target, declared, replace(plane.wish(), quota_bytes=quota))
    assert isinstance(upload, Upload)
    return upload


def put(plane: DataPlane, path: str, size: int, *, declared: bool = False, quota: int | None = QUOTA) -> Published:
    upload = begin(plane, path, Declared(size if declared else None), quota)
    upload.write(bytes_of(size))
    return upload.finish()


def test_a_body_that_cannot_fit_is_refused_before_it_is_read(plane: DataPlane) -> None:
    put(plane, "a", 600)
    with pytest.raises(QuotaExceeded):
        begin(plane, "b", Declared(401))
    begin(plane, "b", Declared(400))
    begin(plane, "b", Declared(401), quota=None)


def test_a_body_of_unknown_length_is_refused_by_the_commit(plane: DataPlane) -> None:
    put(plane, "a", 600)
    with pytest.raises(QuotaExceeded):
        put(plane, "b", 401)
    with pytest.raises(NotFound):
        plane.catalog.file_at(OWNER, "b")
    assert plane.catalog.usage(OWNER).bytes == 600


def test_what_replaces_a_file_needs_only_the_room_by_which_it_is_larger(plane: DataPlane) -> None:
    file = put(plane, "a", 900).file
    for target in ("a", Target(OWNER, file_id=file.id)):
        begin(plane, target, Declared(1000))
        with pytest.raises(QuotaExceeded):
            begin(plane, target, Declared(1001))


def test_a_form_that_does_not_say_yet_where_it_goes_may_replace_all_there_is(plane: DataPlane) -> None:
    put(plane, "a", 900)
    begin(plane, "", Declared(roughly=FORM_BYTES + 1000))
    with pytest.raises(QuotaExceeded):
        begin(plane, "", Declared(roughly=FORM_BYTES + 1001))
    with pytest.raises(QuotaExceeded):
        begin(plane, "b", Declared(roughly=FORM_BYTES + 101))


def test_the_catalog_is_asked_again_before_anything_is_refused_and_after_a_while(plane: DataPlane) -> None:
    put(plane, "a", 900)
    with pytest.raises(QuotaExceeded):
        begin(plane, "b", Declared(200))
    plane.files.delete(OWNER, plane.catalog.file_at(OWNER, "a").id, plane.wish())
    plane.recovery.empty(OWNER)
    begin(plane, "b", Declared(200))
    put(plane, "c", 900, quota=None)
    plane.clock.advance(FRESH_SECONDS + 1)
    with pytest.raises(QuotaExceeded):
        begin(plane, "b", Declared(200))


def test_whoever_has_too_much_can_still_move_delete_and_restore(plane: DataPlane) -> None:
    file = put(plane, "a", 900).file
    wish = replace(plane.wish(), quota_bytes=10)
    plane.files.move(OWNER, file.id, "b", wish)
    plane.files.delete(OWNER, file.id, wish)
    assert plane.recovery.restore(OWNER, file.id, wish).file.path == "b"
    assert put(plane, "b", 800, quota=10).file.head.number == 5


def test_restoring_a_larger_version_needs_room(plane: DataPlane) -> None:
    put(plane, "a", 900)
    file = put(plane, "a", 100).file
    put(plane, "b", 200)
    with pytest.raises(QuotaExceeded):
        plane.files.restore(OWNER, file.id, 1, replace(plane.wish(), quota_bytes=QUOTA))


def test_a_provisional_version_is_refused_by_what_the_catalog_last_said(plane: DataPlane) -> None:
    put(plane, "a", 900, declared=True)
    plane.quotas.usage(OWNER)
    plane.cut_catalog()
    with pytest.raises(QuotaExceeded):
        put(plane, "b", 101, declared=True)
    assert put(plane, "b", 100, declared=True).receipt.provisional


def test_a_provisional_version_of_a_user_nobody_asked_about_is_taken(plane: DataPlane) -> None:
    plane.cut_catalog()
    assert put(plane, "b", 5000, declared=True).receipt.provisional


def test_what_was_accepted_without_the_catalog_is_kept_whatever_the_quota(here: DataPlane) -> None:
    here.cut_catalog()
    file = put(here, "b", 5000).file
    here.heal_catalog()
    here.reintegration.run_once()
    assert here.catalog.file_at(OWNER, "b").id == file.id
    assert here.catalog.usage(OWNER).bytes == 5000


def test_a_resumable_upload_is_refused_when_it_begins(plane: DataPlane) -> None:
    plane.users.add(replace(ANNA, quota_bytes=QUOTA))
    put(plane, "a", 900)
    with pytest.raises(QuotaExceeded):
        plane.resumable().create(OWNER, "b", 101, Terms(ask="auto"))
    assert plane.resumable().unfinished(OWNER) == []
    plane.resumable().create(OWNER, "a", 1000, Terms(ask="auto"))


def test_another_users_file_does_not_tell_by_its_size(plane: DataPlane) -> None:
    file = put(plane, "a", 900).file
    with pytest.raises(QuotaExceeded):
        plane.quotas.check_upload(Place("owner-2", file.id), QUOTA + 1, QUOTA)
