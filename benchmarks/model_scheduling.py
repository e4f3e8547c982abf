"""How fast the adaptive concurrency limit is against fixed ones, on simulated servers in virtual time.

    python -m benchmarks.model_scheduling [--modes tgi vllm llama.cpp slow-cpu] [--replicas 1 2 4 8]

The servers are those of `benchmarks.simulated_server`, whose modes are held to figures of real servers. The
adaptive limit has one minute to find its level, then both are measured with the same reports. With several
replicas it is compared with the best fixed limit of one replica and with the bound.
"""

import argparse
import json

from benchmarks.simulated_load import BOUND, measure
from benchmarks.simulated_server import MODES

FIXED = (4, 6, 8, 12, 16, 24, 32)
GOAL = 0.95
FIRST_MINUTE = 60.0
# A slow server answers 1.5 questions a second: its minute and its measurement last longer.
SCALE = {"slow-cpu": 6.0}
SECONDS = 60.0


def compared(mode_name: str, replicas: int, fixed: tuple[int, ...]) -> dict[str, object]:
    """Measure the adaptive limit and the fixed ones."""
    mode, scale = MODES[mode_name], SCALE.get(mode_name, 1.0)
    seconds = SECONDS * scale
    adaptive = measure(mode, replicas, warm_up=FIRST_MINUTE * scale, seconds=seconds)
    rates = {
        limit: measure(mode, replicas, limit, warm_up=5 * scale, seconds=seconds).reports
        for limit in fixed
    }
    best = max(rates, key=lambda limit: rates[limit])
    return {
        "name": f"model-concurrency-{mode_name}-{replicas}-replicas",
        "ratio": round(adaptive.reports / rates[best], 3),
        "goal": GOAL,
        "met": adaptive.reports >= GOAL * rates[best],
        "best_fixed": best,
        "reports_per_second": round(adaptive.reports, 2),
        "fixed": {limit: round(rate, 2) for limit, rate in rates.items()},
        "limits": adaptive.limits,
        "queue_share": round(adaptive.queue_share, 3),
        "refused": adaptive.refused,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=list(MODES))
    parser.add_argument("--replicas", type=int, nargs="*", default=[1, 2, 4, 8])
    arguments = parser.parse_args()
    for mode in arguments.modes:
        best = BOUND
        for replicas in arguments.replicas:
            fixed = FIXED if replicas == 1 else tuple(sorted({best, BOUND}))
            line = compared(mode, replicas, fixed)
            best = int(str(line["best_fixed"]))
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
