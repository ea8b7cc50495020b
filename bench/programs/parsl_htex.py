"""Parsl's high-throughput executor under the same load: measures what its argument asks for, and prints it as JSON.

Tuned as far as it goes: no log files, tasks fetched ahead, a short strategy period. Parsl's own encryption is off, as is its default.
"""
import json
import logging
import sys
import tempfile
import time

import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider


@parsl.python_app
def echo(x):
    return x


def flood(count):
    for future in [echo(i) for i in range(count)]:
        future.result()


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def measure(case):
    if case["what"] == "first":
        return {"value": echo(7).result()}
    flood(3000)
    if case["what"] == "rate":
        rates = []
        for _ in range(case["repeats"]):
            began = time.perf_counter()
            flood(case["count"])
            rates.append(case["count"] / (time.perf_counter() - began))
        return {"tasksPerSecond": quantile(rates, 0.5)}
    microseconds = []
    for i in range(case["count"]):
        began = time.perf_counter()
        echo(i).result()
        microseconds.append((time.perf_counter() - began) * 1e6)
    return {"p50": quantile(microseconds, 0.5), "p99": quantile(microseconds, 0.99)}


if __name__ == "__main__":
    case = json.loads(sys.argv[1])
    logging.disable(logging.CRITICAL)
    executor = HighThroughputExecutor(
        label="htex", address="127.0.0.1", max_workers_per_node=case["workers"], cores_per_worker=1, prefetch_capacity=20,
        provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1),
    )
    with tempfile.TemporaryDirectory() as directory:
        with parsl.load(Config(run_dir=directory, initialize_logging=False, strategy_period=0.5, executors=[executor])):
            print(json.dumps(measure(case)), flush=True)
