"""Time stamps that never contradict cause and effect: hybrid logical clocks (Kulkarni et al., "Logical physical
clocks", 2014), folded into microseconds, so that a stamp is still a time people can read.

They order what is shown and break ties. Nothing is ever refused, kept or overwritten because of one.
"""

from __future__ import annotations

from echofs.core.models import Timestamp


def follow(now: Timestamp, *seen: Timestamp) -> Timestamp:
    """A stamp for what happens ``now`` and knows of what happened at ``seen``: later than all of it, and the time of
    day unless a clock among them is ahead. Behind a clock far ahead stamps grow by single microseconds until the
    others have caught up."""
    return max(now, *(stamp + 1 for stamp in seen)) if seen else now
