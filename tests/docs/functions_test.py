#!/usr/bin/env python3
"""Runs the example of every function in forebay.functions through SQL: `SELECT <example>` gives its result.

    tests/docs/functions_test.py [--binary PROGRAM]
"""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "slt")]

import support  # noqa: E402,F401
from support.forebay import Forebay  # noqa: E402
from wire import Wire  # noqa: E402

LEAST_NAMES = 40


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", help="the program (default: FOREBAY_BINARY, or the newest build)")
    options = parser.parse_args()
    faults = []
    with Forebay(program=options.binary) as server:
        wire = Wire(server.conninfo())
        functions = wire.run("SELECT name, signature, example, example_result FROM forebay.functions "
                             "ORDER BY name, signature").rows
        for name, signature, example, expected in functions:
            if example is None:
                continue
            answer = wire.run(f"SELECT {example}")
            actual = answer.error or (answer.rows[0][0] if len(answer.rows) == 1 else str(answer.rows))
            if actual != expected and (actual is not None or expected not in ("", "NULL")):
                faults.append(f"{signature}: SELECT {example}\n  wanted {expected}\n  answer {actual}")
        wire.close()
    names = {name for name, _, example, _ in functions if example is not None}
    if len(names) < LEAST_NAMES:
        faults.append(f"only {len(names)} functions have an example")
    print("\n".join(faults + [f"functions: {len(functions)} signatures, {len(names)} names with examples, "
                              f"{len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
