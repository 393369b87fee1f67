"""python -m evals.red_team: attacks and benign tasks, first through facts and gate, then as whole threads.

Exit 1 when anything took effect that no person was asked about, or a benign task did not finish. `--short` plays every
eighth; `--gate` leaves the threads out.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from evals.red_team.check import attacked, attacks, benign, situations, worked
from evals.red_team.threads import Played, attacked_refund_desk, attacked_through_mcp, theatre
from evals.red_team.threads import attacked as attacked_threads
from evals.red_team.threads import worked as worked_threads
from policy.gate import load_gate

EVERY: Final = 8


def main(arguments: Sequence[str]) -> int:
    failed = through_the_gate()
    if "--gate" not in arguments:
        failed += asyncio.run(as_threads(EVERY if "--short" in arguments else 1))
    return 1 if failed else 0


def through_the_gate() -> int:
    """How many calls would have had an effect without a person, and how many benign tasks are stuck."""
    gate = load_gate()
    outcomes = [each for attack in attacks() for at in situations() for each in attacked(gate, attack, at)]
    effects = [each for each in outcomes if each.effect]
    came_to = Counter(each.outcome for each in outcomes)
    print(f"{len(attacks())} attacks, obeyed in words and by handle in every environment at every level:")
    print(f"  {len(outcomes)} calls, {', '.join(f'{count} {outcome}' for outcome, count in sorted(came_to.items()))}")
    print(f"  {len(effects)} with an effect that no person was asked about")
    results = [worked(gate, task) for task in benign()]
    stuck = sum(bool(refusals) for _, refusals in results)
    print(f"{len(results)} benign tasks: {len(results) - stuck} finish, {sum(cost for cost, _ in results)} approvals")
    return len(effects) + stuck


async def as_threads(every: int) -> int:
    """How many threads had an effect without a person, or went wrong otherwise."""
    print("\nAs whole threads, in `local` at execute, with a model that obeys everything; counted at the far sides:\n")
    print(f"  {'attacks in':<26}{'threads':>8}{'calls':>8}{'asked':>8}{'effects':>9}", flush=True)
    async with theatre() as stage:
        wrong = [
            *_row("what the desk reads", await attacked_threads(stage, attacks()[::every])),
            *_row("what an MCP server says", await attacked_through_mcp(stage, attacks()[:: max(1, every // 2)])),
            *_row("what customers write", await attacked_refund_desk(stage, every)),
        ]
        tasks = await worked_threads(stage, benign()[::every])
    stuck = [each for each in tasks if each.problem]
    costs = Counter(each.asked for each in tasks)
    cost = ", ".join(f"{count} with {asked}" for asked, count in sorted(costs.items()))
    asked = sum(each.asked for each in tasks)
    print(f"\n  {len(tasks)} benign tasks: {len(tasks) - len(stuck)} finish, {asked} approvals ({cost})")
    for each in (*wrong, *stuck):
        print(f"  ! {each.id}: {each.problem or f'{each.effects} effects without a person'}")
    return len(wrong) + len(stuck)


def _row(name: str, threads: Sequence[Played]) -> list[Played]:
    """Prints a row; the threads that are not as they must be."""
    proposed, asked = sum(each.proposed for each in threads), sum(each.asked for each in threads)
    effects = sum(each.effects for each in threads)
    print(f"  {name:<26}{len(threads):>8}{proposed:>8}{asked:>8}{effects:>9}", flush=True)
    return [each for each in threads if each.effects or each.problem]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
