"""The weakest consistency level that is allowed somewhere: what files, folders, users and the system demand, in that
order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce

from echofs.core.goals import stronger
from echofs.core.models import Floor, FloorScope, Level
from echofs.core.names import ancestors_of


@dataclass(frozen=True, slots=True)
class FloorFound:
    """What holds for one file. ``source`` says in words whose demand it is."""

    level: Level
    source: str = "the system's floor"
    critical: bool = False


def floor_of(
    floors: Collection[Floor],
    file_id: str,
    path: str,
    system: Level = Level.AVAILABLE,
    *,
    critical: Collection[str] = (),
) -> FloorFound:
    """What holds for a file of the owner of ``floors``.

    The file's own floor counts before that of the innermost folder that has one, and that before the user's; none goes
    below that of the ``system``. A critical one of these demands ``strong``, and so do the file ids in ``critical``.

    An empty ``file_id`` is a file that does not exist yet. While its ``path`` is unknown (``""``) a file may be in any
    folder, so without a floor of its own the most demanding one counts.
    """
    concerned = [floor for floor in floors if _concerns(floor, file_id, path)]
    if (file_id and file_id in critical) or any(floor.critical for floor in concerned):
        return FloorFound(Level.STRONG, "a critical file", critical=True)
    if not concerned:
        return FloorFound(system)
    chosen = min(concerned, key=_before)
    level = chosen.level
    if chosen.scope is FloorScope.FOLDER and not path:
        level = reduce(stronger, (floor.level for floor in concerned))
    if stronger(system, level) is not level:
        return FloorFound(system)
    return FloorFound(level, f"the {chosen.scope}'s floor")


def _concerns(floor: Floor, file_id: str, path: str) -> bool:
    match floor.scope:
        case FloorScope.FILE:
            return bool(file_id) and floor.key == file_id
        case FloorScope.FOLDER:
            return not path or floor.key in ancestors_of(path)
        case FloorScope.USER:
            return True


def _before(floor: Floor) -> tuple[int, int]:
    """Particular floors first, then those of inner folders, whose paths are the longest."""
    return list(FloorScope).index(floor.scope), -len(floor.key)
