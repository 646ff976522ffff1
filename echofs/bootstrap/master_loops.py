"""What a master does besides answering."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from echofs.adapters.catalog.gate import WATCH_SECONDS
from echofs.bootstrap.adoption import ADOPT_SECONDS, open_adoption
from echofs.bootstrap.application import BEAT_SECONDS
from echofs.bootstrap.basics import largest_chunk
from echofs.bootstrap.master_parts import MasterParts
from echofs.bootstrap.reintegration import REPLAY_SECONDS
from echofs.ports.sessions import Ended
from echofs.services.copying import EntryCopies
from echofs.services.drills import Drills
from echofs.services.late import settle_late
from echofs.services.loops import Loop, Loops
from echofs.services.reporting import REPORT_SECONDS
from echofs.services.spooling import Spooling


def background(made: MasterParts, forget: Callable[[Ended], None]) -> Loops:
    """All loops, and what is closed after them; ``forget`` is told of sessions that other masters ended."""
    plane, service, sharing = made.plane, made.service, made.sharing
    return Loops(
        Loop("catalog gate", WATCH_SECONDS, plane.gate.watch),
        Loop("members", BEAT_SECONDS, plane.members.refresh),
        Loop("report", REPORT_SECONDS, made.reporting().run_once),
        Loop("drills", REPORT_SECONDS, Drills(made.adviser.faults, plane.gate, made.basics.clock).run_once),
        Loop(
            "late replicas",
            BEAT_SECONDS,
            partial(settle_late, service.replicator, plane.catalog, made.journal, plane.gate),
        ),
        *_journal_loops(made),
        made.host.loop(),
        *(sharing.loops(forget) if sharing else ()),
        on_stop=(
            service.replicator.stop,
            service.reader.stop,
            plane.reader.stop,
            made.journal.close,
            *made.host.steps_on_stop(),
            *((sharing.link.close,) if sharing else ()),
        ),
    )


def _journal_loops(made: MasterParts) -> tuple[Loop, ...]:
    """Bring what was accepted alone to the workers and to the catalog, this host's and that of hosts that are gone."""
    settings, plane, journal = made.settings, made.plane, made.journal
    spooling = Spooling(
        journal, made.service.replicator, plane.workers, plane.members, plane.catalog, plane.codec, made.meters
    )
    copies = EntryCopies(
        journal,
        plane.workers,
        plane.members,
        plane.codec,
        made.basics.clock,
        wanted=settings.replication_factor,
        largest=largest_chunk(settings),
    )
    adopting = made.conflicts.adopting
    adopt = open_adoption(settings, made.basics, plane, lambda entries: adopting.replay(entries).settled, made.meters)
    return (
        Loop("spool", BEAT_SECONDS, spooling.run_once),
        Loop("reintegration", REPLAY_SECONDS, made.conflicts.reintegration.run_once),
        Loop("journal copies", BEAT_SECONDS, copies.run_once),
        Loop("adoption", ADOPT_SECONDS, adopt),
    )
