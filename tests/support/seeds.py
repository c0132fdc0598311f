"""Seeds and extent of random tests, as scripts/test hands them over."""
import os
import random


def seed():
    """FOREBAY_TEST_SEED, or a new one. Print it: it replays the run."""
    given = os.environ.get("FOREBAY_TEST_SEED")
    return int(given) if given else random.SystemRandom().randrange(1_000_000_000)


def full():
    """True when every combination is wanted (scripts/test --full)."""
    return os.environ.get("FOREBAY_TEST_FULL", "0") not in ("", "0")
