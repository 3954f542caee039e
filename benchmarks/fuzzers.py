"""Runs the fuzzers of the C++ tests for longer and prints how long each took and what failed.

    python benchmarks/fuzzers.py [BUILD] [--count N] [--seed S]

BUILD is a build folder (default: build). N is TW_FUZZ_COUNT: some fuzzers run a fixed share of it, those of
the parser a fixed number of cases. Exit status 1 if any fuzzer found something.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Test program -> the tests in it that are fuzzers.
FUZZERS = {
    "ir/simplify/test_ir_simplify": "SimplifyFuzz.*",
    "ir/analysis/test_ir_analysis": "*Fuzz*",
    "ir/text/test_ir_text": "*Fuzz*",
    "schedule/fuzz/test_schedule_fuzz": "ScheduleFuzz.*",
    "schedule/judge/test_schedule_judge": "Judge.CallsNothingIllegal*",
}


def run(program: Path, tests: str, environment: dict[str, str]) -> list[dict]:
    """Run the tests and give Google Test's report of each."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [program, f"--gtest_filter={tests}", f"--gtest_output=json:{report.name}"]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        suites = json.load(open(report.name))["testsuites"]
    return [test for suite in suites for test in suite["testsuite"] if test["status"] == "RUN"]


def main() -> int:
    """Print one line a fuzzer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", nargs="?", default="build", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    environment = os.environ | {"TW_FUZZ_COUNT": str(options.count), "TW_FUZZ_SEED": str(options.seed)}
    print(f"count {options.count}, seed {options.seed}")
    print(f"{'fuzzer':<58} {'seconds':>8} {'result':>8}", flush=True)
    failed = 0
    for program, tests in FUZZERS.items():
        for test in run(options.build / "tests" / program, tests, environment):
            wrong = "failures" in test
            failed += wrong
            seconds = float(test["time"].rstrip("s"))
            name = f"{test['classname']}.{test['name']}"
            print(f"{name:<58} {seconds:8.1f} {'FAILED' if wrong else 'ok':>8}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
