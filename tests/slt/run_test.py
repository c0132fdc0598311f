#!/usr/bin/env python3
"""The sqllogictest runner must fail when an answer is wrong. Runs it against a scratch PostgreSQL."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from support.postgres import ScratchPostgres  # noqa: E402

RIGHT = [
    "query I\nSELECT 1\n----\n1\n",
    "query TT\nSELECT 'a  b', NULL\n----\na  b\tNULL\n",
    "query R\nSELECT 0.1::float8 + 0.2::float8\n----\n0.3\n",
    "query I rowsort\nVALUES (2), (1)\n----\n2\n1\n",
    "statement error\nSELECT 1/0\n----\nERROR:  22012: division by zero\n",
    "statement notice\nDROP TABLE IF EXISTS nope\n----\n"
    'NOTICE:  00000: table "nope" does not exist, skipping\n',
    "statement ok SELECT 2\nVALUES (1), (2)\n",
    "query I names\nSELECT 1 AS one\n----\none\n1\n",
]
# What is wrong -> the script.
WRONG = {
    "value": "query I\nSELECT 1\n----\n2\n",
    "row missing": "query I\nVALUES (1), (2)\n----\n1\n",
    "row too many": "query I\nSELECT 1\n----\n1\n1\n",
    "order": "query I\nVALUES (2), (1)\n----\n1\n2\n",
    "columns": "query II\nSELECT 1\n----\n1\n",
    "null": "query T\nSELECT NULL\n----\n(empty)\n",
    "blanks": "query TT\nSELECT 'a b', 1\n----\na  b  1\n",
    "number's text": "query T\nSELECT 1.0\n----\n1\n",
    "expectation missing": "query I\nSELECT 1\n",
    "failure instead of rows": "query I\nSELECT 1/0\n----\n1\n",
    "failure instead of ok": "statement ok\nSELECT 1/0\n",
    "ok instead of failure": "statement error\nSELECT 1\n----\nERROR:  22012: division by zero\n",
    "sqlstate": "statement error\nSELECT 1/0\n----\nERROR:  22003: division by zero\n",
    "caret": "statement error\nSELECT x\n----\nERROR:  42703: column \"x\" does not exist\n"
             "LINE 1: SELECT x\n              ^\n",
    "tag": "statement ok SELECT 1\nVALUES (1), (2)\n",
    "notice missing": "statement notice\nSELECT 1\n----\nNOTICE:  00000: x\n",
    "name": "query I names\nSELECT 1 AS one\n----\ntwo\n1\n",
    "directive": "statment ok\nSELECT 1\n",
    "restart of a foreign server": "restart\n",
}


def run(conninfo, text):
    with tempfile.NamedTemporaryFile("w", suffix=".slt") as script:
        script.write(text)
        script.flush()
        return subprocess.run(
            [sys.executable, os.path.join(HERE, "run.py"), "--server", conninfo, script.name],
            capture_output=True, text=True, check=False)


def main():
    failures = 0
    with ScratchPostgres() as postgres:
        done = run(postgres.conninfo(), "\n".join(RIGHT))
        if done.returncode != 0:
            failures += 1
            print("should pass, but failed:\n" + done.stdout + done.stderr)
        for what, text in WRONG.items():
            done = run(postgres.conninfo(), text)
            if done.returncode != 1 or "FAIL" not in done.stdout:
                failures += 1
                print(f"wrong {what}: should fail, but status {done.returncode}:\n{text}\n{done.stdout}{done.stderr}")
    print(f"{len(WRONG) + 1 - failures} of {len(WRONG) + 1} cases as they should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
