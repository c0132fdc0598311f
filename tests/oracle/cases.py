"""A case: tables, epochs of statements, views; the judge's answers to it and the comparison with Forebay's."""
import dataclasses

from engines import Failed, Lost, Session, show
from tables import Insert

MOST_ROWS = 3000


@dataclasses.dataclass
class ErrorView:
    """A view some of whose rows fail: Forebay shows the others and keeps an error for each that fails."""
    name: str
    query: str
    good: str       # the query without the rows that fail
    bad: str        # SELECT: how many fail
    sqlstate: str
    productions: set
    from_epoch: int = 0

    def create(self):
        return f"CREATE MATERIALIZED VIEW {self.name} AS {self.query}"


@dataclasses.dataclass
class Case:
    tables: list
    epochs: list
    views: list
    error_views: list = dataclasses.field(default_factory=list)

    def views_from(self, epoch):
        return [v for v in self.views if v.from_epoch == epoch]


@dataclasses.dataclass
class Judgement:
    """PostgreSQL's answers."""
    statements: list  # per epoch, per statement: SQLSTATE or None
    answers: dict     # (view, epoch) -> Answer
    failed: dict      # view -> why it can't be used
    bad: dict         # (error view, epoch) -> number of failing rows

    def changing(self, view, epochs):
        """True when its rows were not always the same, and not always none."""
        answers = [self.answers[view, e].rows for e in range(epochs) if (view, e) in self.answers]
        return any(answers) and any(a != answers[0] for a in answers)


def judge(session, case, keep_going=True):
    """Runs the case in PostgreSQL's current database, which is empty."""
    result = Judgement([], {}, {}, {})
    for table in case.tables:
        session.run(table.create())
    for number, epoch in enumerate(case.epochs):
        for view in case.views_from(number):
            if any(used in result.failed for used in view.uses):
                result.failed[view.name] = "a view below it failed"
                continue
            try:
                session.run(view.create(plain=True))
            except Failed as error:
                result.failed[view.name] = str(error)
        states = []
        for statement in epoch.statements:
            try:
                session.run(statement.sql())
                states.append(None)
            except Failed as error:
                states.append(error.sqlstate)
        result.statements.append(states)
        for view in case.views:
            if view.from_epoch > number or view.name in result.failed:
                continue
            try:
                answer = session.run(f"SELECT * FROM {view.name}")
                if answer.rows.total() > MOST_ROWS:
                    result.failed[view.name] = "too many rows"
                result.answers[view.name, number] = answer
            except Failed as error:
                result.failed[view.name] = str(error)
                if not keep_going:
                    return result
        for view in case.error_views:
            if view.from_epoch <= number:
                result.answers[view.name, number] = session.run(view.good)
                (bad,), = session.run(view.bad).rows
                result.bad[view.name, number] = int(bad)
    # A view below that failed later takes the ones above with it.
    for view in case.views:
        for used in view.uses:
            if used in result.failed:
                result.failed.setdefault(view.name, "a view below it failed")
    return result


@dataclasses.dataclass
class Failure:
    kind: str       # rows, errors, refused, create, statement, lost, adhoc
    view: str
    epoch: int
    text: str
    sqlstate: str = ""


@dataclasses.dataclass
class Mode:
    workers: int = 1
    batch_rows: int = 1024
    restart_at: int = None  # restarted before this epoch's statements
    restart_workers: int = 1
    with_kill: bool = False
    tiny_memory: bool = False  # no state stays resident that may leave

    def settings(self):
        settings = {"batch_rows": self.batch_rows}
        if self.tiny_memory:
            settings["hot_tier_bytes"] = 1
        return settings

    def __str__(self):
        text = f"workers {self.workers}, batch_rows {self.batch_rows}"
        if self.tiny_memory:
            text += ", tiny memory"
        if self.restart_at is not None:
            how = "kill -9" if self.with_kill else "restart"
            text += f", {how} before epoch {self.restart_at} to {self.restart_workers} workers"
        return text


class Comparison:
    """Runs a case in Forebay and compares with the judgement at every epoch."""

    def __init__(self, server, case, judgement, mode, adhoc=True):
        self.server, self.case, self.judgement, self.mode = server, case, judgement, mode
        self.adhoc = adhoc
        self.failures = []
        self.dead = set()
        self.reads = 0
        self.evictions = self.read_backs = 0
        self.session = None

    def fail(self, kind, view, epoch, error):
        self.failures.append(Failure(kind, view, epoch, str(error), getattr(error, "sqlstate", "")))
        self.dead.add(view)

    def connect(self):
        return Session(self.server.connect(), getattr(self.server, "rewrite", lambda sql: sql))

    def run(self):
        self.session = self.connect()
        epoch = -1
        try:
            for table in self.case.tables:
                self.session.run(table.create())
            for epoch in range(len(self.case.epochs)):
                if epoch == self.mode.restart_at:
                    self.restart()
                self.one_epoch(epoch)
            if self.mode.tiny_memory:
                self.count_residency()
            if self.adhoc:
                self.compare_queries()
                self.rows_go_and_come_back()
        except Lost as error:
            text = str(error)
            if not self.server.running():
                text += "\n" + self.server.why_it_ended()
            else:  # it hangs: SIGTERM would too
                self.server.kill()
            self.failures.append(Failure("lost", "", epoch, text))
        except Failed as error:
            self.failures.append(Failure("statement", "", epoch, str(error), error.sqlstate))
        finally:
            self.session.close()
        return self.failures

    def count_residency(self):
        """What state tables evicted and read back since the server's start."""
        answer = self.session.run("SELECT sum(evictions)::bigint, sum(read_backs)::bigint FROM forebay.operators")
        for evictions, read_backs in answer.rows:
            self.evictions += int(evictions or 0)
            self.read_backs += int(read_backs or 0)

    def restart(self):
        if self.mode.tiny_memory:
            self.count_residency()
        self.session.close()
        status = self.server.restart(workers=self.mode.restart_workers, with_kill=self.mode.with_kill)
        if not self.mode.with_kill and status != 0:
            raise Lost(f"SIGTERM ended the server with status {status}: {self.server.log()[-2000:]}")
        self.session = self.connect()

    def create(self, view, epoch):
        if self.dead & getattr(view, "uses", set()):
            self.dead.add(view.name)
            return
        try:
            self.session.run(view.create())
        except Failed as error:
            self.fail("refused" if error.sqlstate == "0A000" else "create", view.name, epoch, error)

    def one_epoch(self, number):
        for view in self.case.views_from(number):
            self.create(view, number)
        for view in self.case.error_views:
            if view.from_epoch == number:
                self.create(view, number)
        self.statements(number)
        for view in self.case.views:
            if view.from_epoch <= number and view.name not in self.dead:
                self.compare(view, number)
        for view in self.case.error_views:
            if view.from_epoch <= number and view.name not in self.dead:
                self.compare(view, number)
                self.compare_errors(view, number)

    def statements(self, number):
        epoch = self.case.epochs[number]
        if epoch.deferred:
            self.session.run("SET implicit_flush = false")
        for statement, expected in zip(epoch.statements, self.judgement.statements[number]):
            if expected is not None and epoch.deferred:
                continue
            sqlstate = None
            try:
                self.session.run(statement.sql())
            except Failed as error:
                sqlstate = error.sqlstate
                if expected is None:
                    raise Failed(error.sqlstate, f"{error.message}: {statement.sql()}") from error
            if sqlstate != expected:
                raise Failed(sqlstate or "00000", f"PostgreSQL says {expected} to {statement.sql()}")
        if epoch.deferred:
            self.session.run("FLUSH")
            self.session.run("SET implicit_flush = true")

    def compare(self, view, number):
        self.reads += 1
        try:
            answer = self.session.run(f"SELECT * FROM {view.name}")
        except Failed as error:
            self.fail("read", view.name, number, error)
            return
        wrong = self.judgement.answers[view.name, number].differs(answer)
        if wrong:
            self.fail("rows", view.name, number, wrong + self.errors_of(view))

    def errors_of(self, view):
        """What forebay.errors says about a view that PostgreSQL has no trouble with."""
        names = ", ".join(f"'{name}'" for name in sorted({view.name} | getattr(view, "uses", set())))
        answer = self.session.run(f"SELECT object, sqlstate, reason, count FROM forebay.errors WHERE object IN ({names})")
        return "".join("\n  error row " + show(row) for row in sorted(answer.rows))

    def compare_errors(self, view, number):
        """forebay.errors has as many rows of the view as PostgreSQL would have failed on."""
        answer = self.session.run(f"SELECT count, sqlstate FROM forebay.errors WHERE object = '{view.name}'")
        found = sum(int(count) * times for (count, _), times in answer.rows.items())
        states = {state.decode() for _, state in answer.rows}
        expected = self.judgement.bad[view.name, number]
        if found != expected or states - {view.sqlstate}:
            self.fail("errors", view.name, number,
                      f"forebay.errors counts {found} with {sorted(states)}, expected {expected} of {view.sqlstate}")

    def compare_queries(self):
        """At the last epoch each view's query as a plain SELECT."""
        number = len(self.case.epochs) - 1
        for view in self.case.views:
            if view.name in self.dead:
                continue
            try:
                answer = self.session.run(view.query.sql())
            except Failed as error:
                self.fail("adhoc", view.name, number, error)
                continue
            wrong = self.judgement.answers[view.name, number].differs(answer)
            if wrong:
                self.fail("adhoc", view.name, number, wrong)

    def rows_go_and_come_back(self):
        """Metamorphic: all rows of each table are deleted and inserted again, in two epochs or in one; nothing has changed."""
        number = len(self.case.epochs) - 1
        for place, table in enumerate(self.case.tables):
            rows = list(self.session.run(f"SELECT * FROM {table.name}").rows.elements())
            if not rows:
                continue
            values = [["NULL" if value is None else "'" + value.decode().replace("'", "''") + "'" for value in row] for row in rows]
            in_one_epoch = place % 2 == 1
            if in_one_epoch:
                self.session.run("SET implicit_flush = false")
            self.session.run(f"DELETE FROM {table.name}")
            self.session.run(Insert(table.name, [name for name, _ in table.columns], values).sql())
            if in_one_epoch:
                self.session.run("FLUSH")
                self.session.run("SET implicit_flush = true")
            for view in self.case.views:
                if view.name not in self.dead:
                    self.compare(view, number)
