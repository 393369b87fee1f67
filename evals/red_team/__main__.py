"""python -m evals.red_team: the whole set through facts and gate."""

from __future__ import annotations

import sys
from collections import Counter

from evals.red_team.check import attacked, attacks, benign, situations, worked
from policy.gate import load_gate


def main() -> int:
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
    return 1 if effects or stuck else 0


if __name__ == "__main__":
    sys.exit(main())
