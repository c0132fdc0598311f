"""Makes a failing case smaller while it fails in the same way, and prints it as a script."""
import copy
import dataclasses
import time

from cases import Case, Comparison, Mode, judge
from engines import Failed, Lost, Session
from query_tree import Derived, Join, Named, Select, Union
from tables import Epoch, Insert, Plain


def query_children(query):
    """Trees that may stand for `query`, each a step smaller."""
    if isinstance(query, Union):
        yield query.left
        yield query.right
        for left in query_children(query.left):
            if len(left.columns()) == len(query.right.columns()):
                yield Union(query.word, left, query.right)
        for right in query_children(query.right):
            if len(right.columns()) == len(query.left.columns()):
                yield Union(query.word, query.left, right)
        if isinstance(query.left, Select) and isinstance(query.right, Select) and len(query.left.items) > 1:
            for i in range(len(query.left.items)):
                yield Union(query.word, without_item(query.left, i), without_item(query.right, i))
        return
    for name in ("where", "having", "group", "with_queries"):
        values = getattr(query, name)
        for i in range(len(values)):
            yield dataclasses.replace(query, **{name: values[:i] + values[i + 1:]})
    if query.distinct:
        yield dataclasses.replace(query, distinct=False)
    if query.limit is not None or query.offset is not None:
        yield dataclasses.replace(query, limit=None, offset=None)
        if query.limit is not None and query.offset is not None:
            yield dataclasses.replace(query, offset=None)
    if len(query.items) > 1:
        for i in range(len(query.items)):
            yield without_item(query, i)
    for source in source_children(query.source):
        yield dataclasses.replace(query, source=source)
    for i, (name, inner) in enumerate(query.with_queries):
        for smaller in query_children(inner):
            queries = list(query.with_queries)
            queries[i] = (name, smaller)
            yield dataclasses.replace(query, with_queries=queries)


def without_item(select, i):
    # Group keys by position move with the items.
    group = []
    for text in select.group:
        if text.isdigit():
            if int(text) == i + 1:
                continue
            text = str(int(text) - (int(text) > i + 1))
        group.append(text)
    order = select.order[:i] + select.order[i + 1:]
    return dataclasses.replace(select, items=select.items[:i] + select.items[i + 1:], group=group, order=order)


def source_children(source):
    if isinstance(source, Join):
        yield source.left
        yield source.right
        for i in range(len(source.on)):
            yield dataclasses.replace(source, on=source.on[:i] + source.on[i + 1:])
        if source.word not in ("JOIN", ",", "CROSS JOIN"):
            yield dataclasses.replace(source, word="JOIN")
        for left in source_children(source.left):
            yield dataclasses.replace(source, left=left)
        for right in source_children(source.right):
            yield dataclasses.replace(source, right=right)
    elif isinstance(source, Derived):
        if isinstance(source.query, Select) and isinstance(source.query.source, Named):
            yield Named(source.query.source.name, source.alias)
        for query in query_children(source.query):
            yield Derived(query, source.alias)


class Shrinker:
    """postgres: ScratchPostgres; make_server(mode): a started Forebay."""

    def __init__(self, postgres, make_server, mode, failure, budget_s):
        self.postgres, self.make_server, self.mode, self.failure = postgres, make_server, mode, failure
        self.end = time.monotonic() + budget_s
        self.attempts = 0

    def fails(self, case, mode):
        """True when the case fails like the failure at hand."""
        self.attempts += 1
        name = self.postgres.new_database("shrink")
        with self.postgres.connect(dbname=name) as connection:
            session = Session(connection)
            session.run("SET statement_timeout = '3s'; SET jit = off")
            try:
                judgement = judge(session, case, keep_going=False)
            except (Failed, Lost):
                return False
            if judgement.failed:
                return False
        with self.make_server(mode) as server:
            adhoc = self.failure.kind == "adhoc"
            failures = Comparison(server, case, judgement, mode, adhoc).run()
            server.kill()
            for found in failures:
                if (found.kind, found.view) == (self.failure.kind, self.failure.view) and (
                        not self.failure.sqlstate or found.sqlstate == self.failure.sqlstate):
                    return True
        return False

    def over(self):
        return time.monotonic() > self.end

    def shrink(self, case):
        """The smallest case found in the time given, and its mode."""
        case = copy.deepcopy(case)
        case = self.closure(case)
        plain = Mode(workers=1, batch_rows=self.mode.batch_rows)
        mode = plain if self.fails(case, plain) else self.mode
        if mode is self.mode and not self.fails(case, mode):
            return None, mode
        if mode.restart_at is None:
            case = self.statements(case, mode)
        changed = True
        while changed and not self.over():
            changed = False
            for smaller in self.smaller(case, mode):
                if self.over():
                    break
                if self.fails(smaller, mode):
                    case, changed = smaller, True
                    break
        if mode.restart_at is None and not self.over():
            case = self.statements(case, mode)
        return self.used_tables(case), mode

    def closure(self, case):
        """Only the failing view and those below it, up to the failing epoch."""
        views = {v.name: v for v in case.views}
        wanted, todo = set(), [self.failure.view]
        while todo:
            name = todo.pop()
            if name in views and name not in wanted:
                wanted.add(name)
                todo += views[name].uses
        last = max(self.failure.epoch, 0)
        kept = [v for v in case.views if v.name in wanted] if wanted or self.failure.view else case.views
        errors = [v for v in case.error_views if v.name == self.failure.view or not self.failure.view]
        return Case(case.tables, case.epochs[:last + 1], kept, errors)

    def statements(self, case, mode):
        """Drops statements and rows, halves first."""
        size = max(1, sum(len(e.statements) for e in case.epochs) // 2)
        while size >= 1 and not self.over():
            at = 0
            while at < sum(len(e.statements) for e in case.epochs) and not self.over():
                smaller = self.without_statements(case, at, at + size)
                if self.fails(smaller, mode):
                    case = smaller
                else:
                    at += size
            size //= 2
        for e, epoch in enumerate(case.epochs):
            for s, statement in enumerate(epoch.statements):
                row = 0
                while isinstance(statement, Insert) and row < len(statement.rows) > 1 and not self.over():
                    smaller = copy.deepcopy(case)
                    del smaller.epochs[e].statements[s].rows[row]
                    if self.fails(smaller, mode):
                        case = smaller
                        statement = case.epochs[e].statements[s]
                    else:
                        row += 1
        return case

    @staticmethod
    def without_statements(case, first, end):
        epochs, at = [], 0
        for epoch in case.epochs:
            kept = []
            for statement in epoch.statements:
                if not first <= at < end:
                    kept.append(statement)
                at += 1
            epochs.append(Epoch(kept, epoch.deferred))
        return dataclasses.replace(case, epochs=epochs)

    def smaller(self, case, mode):
        """Cases with one step less in a view's query or in the epochs."""
        for i, view in enumerate(case.views):
            for query in query_children(view.query):
                views = list(case.views)
                views[i] = dataclasses.replace(view, query=query)
                yield dataclasses.replace(case, views=views)
            if view.from_epoch > 0:
                views = list(case.views)
                views[i] = dataclasses.replace(view, from_epoch=0)
                yield dataclasses.replace(case, views=views)
        for i, view in enumerate(case.views):
            text = " ".join(v.query.sql() for v in case.views)
            if view.name != self.failure.view and f" {view.name} " not in text:
                yield dataclasses.replace(case, views=case.views[:i] + case.views[i + 1:])
        if mode.restart_at is not None:
            return
        for i, epoch in enumerate(case.epochs):
            if not epoch.statements and len(case.epochs) > 1 and not any(v.from_epoch for v in case.views):
                yield dataclasses.replace(case, epochs=case.epochs[:i] + case.epochs[i + 1:])
            elif epoch.deferred:
                epochs = list(case.epochs)
                epochs[i] = Epoch(epoch.statements, False)
                yield dataclasses.replace(case, epochs=epochs)

    @staticmethod
    def used_tables(case):
        text = " ".join([v.query.sql() for v in case.views] + [v.query for v in case.error_views]
                        + [s.sql() for e in case.epochs for s in e.statements])
        return dataclasses.replace(case, tables=[t for t in case.tables if t.name in text])


def script(case, mode, failure, seed):
    """The case as SQL with what was expected."""
    lines = [f"-- oracle, seed {seed}: {failure.kind} of {failure.view or 'the run'}; {mode}"]
    lines += [t.create() + ";" for t in case.tables]
    for number, epoch in enumerate(case.epochs):
        if number == mode.restart_at:
            lines.append(f"-- {'kill -9' if mode.with_kill else 'restart'}, then {mode.restart_workers} workers")
        lines += [v.create() + ";" for v in case.views_from(number)]
        lines += [v.create() + ";" for v in case.error_views if v.from_epoch == number]
        if epoch.deferred:
            lines.append("SET implicit_flush = false;")
        lines += [s.sql() + ";" for s in epoch.statements if isinstance(s, (Insert, Plain))]
        if epoch.deferred:
            lines += ["FLUSH;", "SET implicit_flush = true;"]
        lines.append(f"-- end of epoch {number}")
    if failure.kind == "adhoc":
        lines += [v.query.sql() + ";" for v in case.views if v.name == failure.view]
    elif failure.view:
        lines.append(f"SELECT * FROM {failure.view};")
    lines += [f"-- {line}" for line in failure.text.splitlines()]
    return "\n".join(lines) + "\n"
