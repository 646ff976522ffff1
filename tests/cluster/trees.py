"""Trees of files as people keep them, and pictures of them to compare."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from tests.cluster.client import User

Picture = dict[str, dict[str, Any]]
"""Of each file by path: its details, its history and the SHA-256 of its bytes as downloaded."""

FOLDERS = ("", "docs", "docs/2026", "Bücher/Ä", "写真", "deep/er/and/deeper", "with space")
NAMES = ("notes.txt", "résumé.pdf", "фото.jpg", "日本語", "emoji 🎉.bin", ".hidden", "no extension", "e\u0301.txt")


def grow(user: User, files: int, seed: int) -> None:
    """Give a user so many living files: some with several versions, some moved, some empty, some deleted on the way."""
    chance = random.Random(seed)
    for number in range(files):
        folder, name = chance.choice(FOLDERS), chance.choice(NAMES)
        path = f"{folder}/{number} {name}".lstrip("/")
        size = chance.choice((0, 1, 300, 5_000, 70_000))
        file_id = str(user.upload(path, chance.randbytes(size)).data["file"]["id"])
        for _ in range(chance.choice((0, 0, 1, 3))):
            content = b"text %d " % number * chance.randint(1, 3000)
            user.call("PUT", f"/api/v1/files/{file_id}/content", content).data  # noqa: B018
        if chance.random() < 0.2:
            move(user, file_id, f"moved/{chance.choice(FOLDERS)}/{number} {name}".replace("//", "/"))
        if chance.random() < 0.15:
            user.call("DELETE", f"/api/v1/files/{file_id}").data  # noqa: B018
            user.upload(path, b"another file at this path").data  # noqa: B018


def move(user: User, file_id: str, path: str) -> None:
    """Give a file another path."""
    reply = user.call(
        "PATCH", f"/api/v1/files/{file_id}", json.dumps({"path": path}).encode(), {"Content-Type": "application/json"}
    )
    assert reply.status == 200, reply.body


def picture(user: User) -> Picture:
    """Everything a user can see, read over the API page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = user.call("GET", f"/api/v1/files?limit=200&after={quote(after)}").data
        found += page["files"]
        after = page["next"]
        if not after:
            break
    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(lambda file: _look(user, file), found))


def folders(user: User, folder: str = "") -> list[str]:
    """All folders below one, and those below them."""
    inside: list[str] = user.call("GET", f"/api/v1/files?folder={quote(folder)}").data["folders"]
    return [path for each in inside for path in (each, *folders(user, each))]


def _look(user: User, file: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    versions = user.call("GET", f"/api/v1/files/{file['id']}/versions").data["versions"]
    digest = hashlib.sha256(user.download(file["id"]).body).hexdigest()
    assert digest == file["digest"]
    return file["path"], {"file": file, "versions": versions, "digest": digest}
