"""What PostgreSQL says about the demo: examples/flights on a scratch server, all rows loaded at once."""
import csv
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from support import ROOT  # noqa: E402

FLIGHTS = os.path.join(ROOT, "examples", "flights")
_SOURCE = re.compile(r"CREATE SOURCE IF NOT EXISTS (\w+) (\(.*?\))\s*WITH \(.*?\)\s*FORMAT PLAIN ENCODE "
                     r"(JSON|CSV)[^;]*;", re.S)


def plain_sql(job):
    """job.sql as PostgreSQL takes it: (CREATE TABLEs, CREATE VIEWs, [(source, columns, format)])."""
    sources = []

    def table(match):
        name, columns, encode = match.groups()
        names = re.findall(r"(?:[(,])\s*(\w+)\s+\w+", columns)
        sources.append((name, names, encode))
        return f"CREATE TABLE {name} {columns};"
    text = _SOURCE.sub(table, re.sub(r"^(\\|--).*\n", "", job, flags=re.M))
    text = text.replace("CREATE MATERIALIZED VIEW IF NOT EXISTS", "CREATE VIEW")
    tables, views = text.split("CREATE VIEW", 1)
    return tables, "CREATE VIEW" + views, sources


def view_names():
    """The materialized views of job.sql, in its order."""
    with open(os.path.join(FLIGHTS, "job.sql"), encoding="utf-8") as job:
        return re.findall(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+)", job.read())


def _rows(folder, name, columns, encode):
    """The records of an input as tuples of text or None, in the order of columns."""
    if encode == "JSON":
        with open(os.path.join(folder, name + ".jsonl"), encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                yield [record.get(column) for column in columns]
        return
    with open(os.path.join(folder, name + ".csv"), encoding="utf-8", newline="") as lines:
        for record in csv.DictReader(lines):
            yield [None if record[column] == "NA" else record[column] for column in columns]


def load(postgres, folder):
    """Makes the tables and views of job.sql and fills the tables from the prepared inputs."""
    with open(os.path.join(FLIGHTS, "job.sql"), encoding="utf-8") as job:
        tables, views, sources = plain_sql(job.read())
    with postgres.connect() as connection:
        connection.execute(tables)
        connection.execute(views)
        for name, columns, encode in sources:
            with connection.cursor().copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in _rows(folder, name, columns, encode):
                    copy.write_row(row)
        connection.execute("ANALYZE")


def queries():
    """[(name, path)] of the queries that the demo ends with, in order."""
    folder = os.path.join(FLIGHTS, "queries")
    return [(name[:-4], os.path.join(folder, name)) for name in sorted(os.listdir(folder))]


def answer(conninfo, path):
    """What psql prints for one of the queries."""
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-P", "null=-", "-f", path, conninfo],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{path}:\n{done.stderr}")
    return done.stdout
