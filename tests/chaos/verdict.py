"""What must be true at the end of a chaos run."""

from typing import Any

from tests.chaos.plan import Plan


def faults_of(plan: Plan, account: dict[str, Any], control: dict[str, Any]) -> list[str]:
    """What of the run's end is not as promised, each in words."""
    wanted = {
        "reports": plan.reports,
        "lost": 0,
        "duplicates": 0,
        "order_violations": 0,
        "rows_wrong": 0,
        "dead_letters": plan.broken,
        "lag": 0,
        "leaks": 0,
        "broker_restarts": plan.broker_restarts,
        "model_restarts": plan.model_restarts,
        "kills": plan.kills,
    }
    wrong = [f"{n} is {account[n]}, not {want}" for n, want in wanted.items() if account[n] != want]
    if not account["drained"]:
        wrong.append(f"not done within {plan.limit_seconds:.0f} s")
    if any(account["stops"]):
        wrong.append(f"workers ended with {account['stops']} after SIGTERM")
    if control["lost"] != account["lost"] + 1:
        wrong.append(f"one finding was deleted and the account says {control['lost']} lost")
    return wrong
