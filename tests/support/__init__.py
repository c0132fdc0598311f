"""What the test programs share: starting and stopping Forebay and scratch PostgreSQL servers, seeds,
and the path to psycopg, which scripts/setup puts into .deps/python. A test program does

    sys.path.insert(0, <the folder tests>)
    from support.forebay import Forebay
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON_PACKAGES = os.path.join(ROOT, ".deps", "python")
if PYTHON_PACKAGES not in sys.path:
    sys.path.insert(0, PYTHON_PACKAGES)
