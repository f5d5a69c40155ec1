"""What the peers' scripts share: the command line, the clock, and the line that they print."""

import json
import statistics
import sys
import time


def case(cases):
    """The case named on the command line, `SCRIPT [MODE] CASE SECONDS`, and the seconds."""
    name, seconds = sys.argv[-2:]
    if name not in cases:
        sys.exit(f"no case `{name}`; there are {', '.join(cases)}")
    return cases[name], float(seconds)


def median_us(call, seconds):
    """The median time of a call in microseconds, after ten that do not count."""
    for _ in range(10):
        call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def report(version, step, predict_one, seconds):
    """Measures a training step and the prediction of one example, and prints the line."""
    times = {"step_us": median_us(step, seconds), "predict1_us": median_us(predict_one, 0.4 * seconds)}
    print(json.dumps({"version": version, **{name: round(us, 1) for name, us in times.items()}}))
