#!/usr/bin/env python3
"""All tests with a real Kafka broker, on one broker:  tests/kafka/run.py [-v] [MODULE[.CLASS[.TEST]]...]"""
import os
import sys
import unittest

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import cases  # noqa: E402,F401  (finds everything else)

MODULES = ["topics_test", "faults_test", "secured_test"]

if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or MODULES
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)
