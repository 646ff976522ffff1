"""``echofs simulate``: how policies would have acted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from echofs.core.advice import OpClass
from echofs.core.errors import InvalidRequest
from echofs.core.policies import POLICIES, Params
from echofs.core.policies.examples import EXAMPLES, example
from echofs.core.policies.replay import replay, story, table
from echofs.core.policies.traces import read_trace

if TYPE_CHECKING:
    from echofs.core.policies import Snapshot


@click.command()
@click.argument("trace")
@click.option("--policy", "names", multiple=True, type=click.Choice(list(POLICIES)), help="Repeatable; all by default.")
@click.option("--goal-ms", default=50.0, type=click.FloatRange(min=0.0, min_open=True), help="Latency goal. [50]")
@click.option("--switches", is_flag=True, help="List every switch with its reason.")
def simulate(trace: str, names: tuple[str, ...], goal_ms: float, switches: bool) -> None:
    """Replay TRACE through consistency policies and show the levels, switches and utility each would have had.

    TRACE is a file that a controller recorded (run/controller/trace.jsonl in its data folder), or one of the made-up
    ones: calm, catalog-cut, catalog-flaps, one-worker-cut, two-workers-cut, slow-links, gray-worker. The same trace
    always gives the same output; docs/consistency.md says what utility is.
    """
    snapshots = _snapshots(trace)
    policies = {name: POLICIES[name] for name in names or POLICIES}
    goal = goal_ms / 1000
    click.echo(table(policies, snapshots, goal=goal))
    if switches:
        for name, policy in policies.items():
            for op_class in OpClass:
                for line in story(name, replay(policy, snapshots, Params(op_class, goal=goal)), op_class):
                    click.echo(line)


def _snapshots(trace: str) -> list[Snapshot]:
    if trace in EXAMPLES:
        return example(trace)
    try:
        with Path(trace).open("rb") as lines:
            return list(read_trace(lines))
    except OSError as error:
        raise InvalidRequest(
            f"The trace {trace} cannot be read ({error.strerror}); made-up ones: {', '.join(EXAMPLES)}.", field="TRACE"
        ) from None
    except ValueError as error:
        raise InvalidRequest(f"{trace} is no trace: {error}.", field="TRACE") from None
