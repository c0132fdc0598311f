#!/usr/bin/env python3
"""Writes examples/flights/expected/*.txt: PostgreSQL's answers to the demo's last queries."""
import os
import subprocess
import sys

import judge
from support.postgres import ScratchPostgres


def main():
    subprocess.run([sys.executable, os.path.join(judge.FLIGHTS, "prepare.py")], check=True)
    with ScratchPostgres() as postgres:
        judge.load(postgres, os.path.join(judge.ROOT, ".deps", "flights"))
        for name, path in judge.queries():
            with open(os.path.join(judge.FLIGHTS, "expected", name + ".txt"), "w", encoding="utf-8") as out:
                out.write(judge.answer(postgres.conninfo(), path))


if __name__ == "__main__":
    main()
