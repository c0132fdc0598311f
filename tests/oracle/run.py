#!/usr/bin/env python3
"""Random views and changelogs: at every epoch each view equals PostgreSQL's answer. README.md says more.

    tests/oracle/run.py [--binary PROGRAM] [--views N] [--epochs N] [--batch N] [--output FOLDER]

FOREBAY_TEST_SEED repeats a run; FOREBAY_TEST_FULL=1 runs every mode. --batch N: only that group of ten views.
"""
import argparse
import collections
import itertools
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from support.forebay import Forebay, ServerEnded  # noqa: E402
from support.postgres import ScratchPostgres  # noqa: E402
from support.seeds import full, seed  # noqa: E402
from cases import Case, Comparison, Failure, Mode, judge  # noqa: E402
from engines import Session  # noqa: E402
from error_views import error_view  # noqa: E402
from expressions import FUNCTIONS  # noqa: E402
from productions import Chooser  # noqa: E402
from queries import Queries  # noqa: E402
from shrink import Shrinker, script  # noqa: E402
from tables import Changelog, make_tables  # noqa: E402

VIEWS_PER_CASE = 10
CANDIDATES = 40
PLAIN_VIEWS = 2


class Oracle:
    def __init__(self, options, number, postgres):
        self.options, self.number, self.postgres = options, number, postgres
        self.refused = collections.Counter()
        self.refused_productions = {}
        self.failures = []  # (batch, mode, Failure, Case)
        self.counts = collections.Counter()

    def candidates(self, chooser, tables, epochs):
        """More views than needed; the judge says which of them can be used."""
        rng = chooser.rng
        queries = Queries(chooser, tables)
        views = []
        for i in range(CANDIDATES):
            view = queries.view(f"v{i}")
            view.materialized = i not in (0, 5)[:PLAIN_VIEWS]
            late = max([v.from_epoch for v in views if v.name in view.uses], default=0)
            view.from_epoch = late if rng.random() < 0.7 else max(late, rng.randrange(1, max(2, epochs // 2)))
            if view.from_epoch:
                view.productions.add("view.on_existing_rows")
            views.append(view)
            # Views above views above views grow without bound: only half are offered to later ones.
            if i < 14:
                queries.views[view.name] = view.query.columns()
                if not view.materialized:
                    queries.plain.add(view.name)
        return views

    def case(self, batch, chooser):
        """A case of ten views with PostgreSQL's answers."""
        chooser.rng.seed(f"{self.number}/{batch}")
        rng = chooser.rng
        tables = make_tables(rng)
        epochs = Changelog(rng, tables).epochs(self.options.epochs)
        case = Case(tables, epochs, self.candidates(chooser, tables, len(epochs)))
        failing = error_view(rng, tables, "e0")
        if failing:
            case.error_views.append(failing)
        with self.postgres.connect(dbname=self.postgres.new_database("oracle")) as connection:
            session = Session(connection)
            session.run("SET statement_timeout = '300ms'")
            session.run("SET jit = off")
            judgement = judge(session, case)
        self.choose_views(case, judgement, chooser)
        return case, judgement

    def choose_views(self, case, judgement, chooser):
        """Keeps ten that PostgreSQL answered, those that change first, with all they stand on."""
        by_name = {v.name: v for v in case.views}
        good = [v for v in case.views if v.name not in judgement.failed]
        for view in case.views:
            if view.name in judgement.failed:
                self.counts["not used: " + judgement.failed[view.name].split(":")[0]] += 1
        changing = {v.name for v in good if judgement.changing(v.name, len(case.epochs))}
        fresh = {v.name: sum(not chooser.hits[p] for p in v.productions) for v in good}
        good.sort(key=lambda v: (v.name not in changing, -fresh[v.name]))
        kept = set()
        for view in good:
            need, todo = set(), [view.name]
            while todo:
                name = todo.pop()
                if name not in need:
                    need.add(name)
                    todo += by_name[name].uses
            if len(kept | need) <= VIEWS_PER_CASE:
                kept |= need
        case.views = [v for v in case.views if v.name in kept]
        self.counts["views"] += len(case.views)
        self.counts["views that change"] += len(kept & changing)
        for view in case.views:
            if view.name in changing:
                chooser.count(view.productions)
        for view in case.error_views:
            counts = {judgement.bad.get((view.name, e)) for e in range(len(case.epochs))} - {None}
            if len(counts) > 1:
                chooser.count(view.productions)

    def modes(self, batch, epochs):
        """Three of the combinations of workers, batch rows and a restart; with --full all."""
        rng = random.Random(f"{self.number}/modes/{batch}")
        combinations = list(itertools.product([1, 2, 4], [1, 7, 1024], [False, True]))
        if not full():
            rng.shuffle(combinations)
            # Every case meets more than one worker count, and a restart.
            first = next(c for c in combinations if c[2])
            second = next(c for c in combinations if c[0] != first[0] and not c[2])
            third = next(c for c in combinations if c[0] not in (first[0], second[0]) and c[1] != first[1])
            combinations = [first, second, third]
        tiny = rng.randrange(len(combinations))
        if self.options.tiny_memory:
            combinations = combinations[tiny:tiny + 1]
        for place, (workers, batch_rows, restart) in enumerate(combinations):
            mode = Mode(workers, batch_rows, tiny_memory=self.options.tiny_memory or place == tiny)
            if restart:
                mode.restart_at = rng.randrange(1, epochs)
                mode.restart_workers = rng.choice([w for w in (1, 2, 4) if w != workers])
                mode.with_kill = rng.random() < 0.5
            yield mode

    def server(self, mode):
        return Forebay(program=self.options.binary, workers=mode.workers, settings=mode.settings())

    def run_case(self, batch, case, judgement):
        started = time.monotonic()
        failing = set()
        for mode in self.modes(batch, len(case.epochs)):
            try:
                with self.server(mode) as server:
                    comparison = Comparison(server, case, judgement, mode)
                    found = comparison.run()
                    self.counts["comparisons"] += comparison.reads
                    if mode.tiny_memory:
                        self.counts["evictions"] += comparison.evictions
                        self.counts["read-backs"] += comparison.read_backs
                    server.kill()
            except (ServerEnded, TimeoutError) as error:
                found = [Failure("lost", "", 0, str(error))]
            for failure in found:
                if failure.kind == "refused":
                    self.refused[failure.text] += 1
                if (failure.kind, failure.view) not in failing:
                    failing.add((failure.kind, failure.view))
                    self.failures.append((batch, mode, failure, case))
                    self.say(f"batch {batch}, {mode}: {failure.kind} of {failure.view or 'the run'} "
                             f"at epoch {failure.epoch}: {failure.text}")
                    for view in case.views:
                        if view.name == failure.view:
                            self.say("    " + view.create())
        self.say(f"batch {batch}: {len(case.views)} views, {len(failing)} failures, {time.monotonic() - started:.1f} s")

    @staticmethod
    def say(text):
        print(text, flush=True)

    def shrink_failures(self):
        """Shrinks the first failures of each kind and writes them as scripts."""
        os.makedirs(self.options.output, exist_ok=True)
        seen = collections.Counter()
        for batch, mode, failure, case in self.failures:
            alike = (failure.kind, failure.text.split("\n")[0][:40] if failure.sqlstate else "")
            seen[alike] += 1
            if seen[alike] > self.options.shrink or sum(seen.values()) > 4 * self.options.shrink:
                continue
            shrinker = Shrinker(self.postgres, self.server, mode, failure, self.options.shrink_seconds)
            smaller, smaller_mode = shrinker.shrink(case)
            note = "" if smaller else "-- did not fail again; the whole case\n"
            text = note + script(smaller or case, smaller_mode if smaller else mode, failure, self.number)
            path = os.path.join(self.options.output, f"failure-{self.number}-{batch}-{failure.view or 'run'}-{failure.kind}.sql")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.say(f"\n{path} ({shrinker.attempts} attempts)\n{text if smaller else note}")

    def report(self, chooser):
        self.say("\nproductions used by views with a non-empty, changing result:")
        names = [f"{name} {chooser.hits[name]}" for name in chooser.names]
        for i in range(0, len(names), 5):
            self.say("  " + "".join(f"{name:32}" for name in names[i:i + 5]).rstrip())
        for name, count in sorted(self.counts.items()):
            self.say(f"{name}: {count}")
        for text, count in self.refused.most_common():
            self.say(f"refused {count} times: {text}")
        missing = chooser.never_hit()
        if missing:
            self.say("never hit: " + ", ".join(missing))
        return missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary")
    parser.add_argument("--views", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, help="only this group of views")
    parser.add_argument("--output", default=os.path.join(HERE, "..", "..", "build", "oracle"))
    parser.add_argument("--shrink", type=int, default=2, help="how many failures of a kind are made smaller")
    parser.add_argument("--shrink-seconds", type=float, default=40)
    parser.add_argument("--tiny-memory", action="store_true", help="one mode per group of views: with tiny memory")
    parser.add_argument("--judge-only", action="store_true", help="only PostgreSQL: how far the grammar is covered")
    options = parser.parse_args()
    number = seed()
    print(f"seed {number} (FOREBAY_TEST_SEED={number} repeats it)", flush=True)
    with ScratchPostgres() as postgres:
        oracle = Oracle(options, number, postgres)
        chooser = Chooser(random.Random(number), FUNCTIONS)
        batches = (options.views + VIEWS_PER_CASE - 1) // VIEWS_PER_CASE
        for batch in range(batches):
            # A case depends on the productions that earlier ones hit, so all are drawn.
            case, judgement = oracle.case(batch, chooser)
            if not options.judge_only and options.batch in (None, batch):
                oracle.run_case(batch, case, judgement)
        missing = oracle.report(chooser) if options.batch is None else []
        if oracle.failures:
            oracle.shrink_failures()
    bad = [view for _, _, view, _ in oracle.failures]
    if not options.judge_only and not (oracle.counts["evictions"] and oracle.counts["read-backs"]):
        print("tiny memory: nothing was evicted, or nothing read back", flush=True)
        return 1
    print(f"{len(bad)} failures; seed {number}", flush=True)
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main())
