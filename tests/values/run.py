#!/usr/bin/env python3
"""Asks the values probe and a real PostgreSQL the same random questions and compares the answers.

    run.py PROBE [--count N] [--only TEXT] [--show N]

PROBE: the program values_probe. N questions per operation (10,000); FOREBAY_TEST_SEED repeats a run.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.postgres import ScratchPostgres  # noqa: E402
from support.seeds import seed  # noqa: E402
import generators as g  # noqa: E402

MOST_DIGITS = 38


def interval_typmod(*bits):
    return sum(1 << bit for bit in bits) << 16 | 0xFFFF


YEAR, MONTH, DAY, HOUR, MINUTE, SECOND = 2, 1, 3, 10, 11, 12
RANGES = {
    "year": (YEAR,), "month": (MONTH,), "day": (DAY,), "hour": (HOUR,), "minute": (MINUTE,), "second": (SECOND,),
    "year to month": (YEAR, MONTH), "day to hour": (DAY, HOUR), "day to minute": (DAY, HOUR, MINUTE),
    "day to second": (DAY, HOUR, MINUTE, SECOND), "hour to minute": (HOUR, MINUTE),
    "hour to second": (HOUR, MINUTE, SECOND), "minute to second": (MINUTE, SECOND)}


class Operation:
    """What to ask: PostgreSQL's expression over the texts a and b, and the generators of both."""

    def __init__(self, name, expression, *arguments):
        self.name, self.expression, self.arguments = name, expression, arguments


def input_operations():
    utf8 = "convert_from(decode(a, 'hex'), 'UTF8')"
    yield Operation("boolean", "a::boolean", g.boolean)
    yield Operation("smallint", "a::smallint", g.smallint)
    yield Operation("real", "a::real", g.real)
    yield Operation("character(3)", f"bpcharin(textout({utf8}), 0, 3 + 4)", g.text_bytes)
    yield Operation("bytea", "a::bytea", g.bytea)
    yield Operation("uuid", "a::uuid", g.uuid)
    yield Operation("time", "a::time", g.time)
    yield Operation("time(2)", "time_in(textout(a), 0, 2)", g.time)
    yield Operation("jsonb", "a::jsonb", g.json)
    yield Operation("integer[]", "a::integer[]", g.array_of(g.small_number))
    yield Operation("numeric[]", "a::numeric[]", g.array_of(g.numeric_element))
    yield Operation("text[]", "a::text[]", g.array_of(g.text_element))
    yield Operation("integer", "a::integer", g.integer)
    yield Operation("bigint", "a::bigint", g.bigint)
    yield Operation("double precision", "a::float8", g.double)
    yield Operation("numeric", "a::numeric", g.numeric_text)
    yield Operation("numeric(10,3)", f"numeric_in(textout(a), 0, {(10 << 16 | 3) + 4})", g.numeric_text)
    yield Operation("numeric(4,4)", f"numeric_in(textout(a), 0, {(4 << 16 | 4) + 4})", g.numeric_text)
    yield Operation("text", utf8, g.text_bytes)
    yield Operation("varchar(3)", f"varcharin(textout({utf8}), 0, 3 + 4)", g.text_bytes)
    yield Operation("date", "a::date", g.date)
    yield Operation("timestamp", "a::timestamp", g.timestamp)
    yield Operation("timestamp(2)", "timestamp_in(textout(a), 0, 2)", g.timestamp)
    yield Operation("timestamptz", "a::timestamptz", g.timestamp)
    yield Operation("interval", "a::interval", g.interval)
    yield Operation("interval(2)", f"interval_in(textout(a), 0, {0x7FFF << 16 | 2})", g.interval)
    for fields, bits in RANGES.items():
        yield Operation(f"interval {fields}", f"interval_in(textout(a), 0, {interval_typmod(*bits)})",
                        g.restricted_interval)


def binary_operations():
    def send(name, function, generator):
        return Operation(f"send {name}", f"'x' || encode({function}(a::{name}), 'hex')", generator)

    yield send("boolean", "boolsend", g.boolean)
    yield send("integer", "int4send", g.integer)
    yield send("bigint", "int8send", g.bigint)
    yield send("double precision", "float8send", g.double)
    yield send("smallint", "int2send", g.smallint)
    yield send("real", "float4send", g.real)
    yield send("bytea", "byteasend", g.plain_bytea)
    yield send("uuid", "uuid_send", g.plain_uuid)
    yield send("time", "time_send", g.plain_time)
    yield send("jsonb", "jsonb_send", g.plain_json)
    yield send("integer[]", "array_send", g.array_of(g.small_number))
    yield send("text[]", "array_send", g.array_of(g.text_element))
    yield send("numeric", "numeric_send", g.plain_numeric)
    yield send("date", "date_send", g.plain_date)
    yield send("timestamp", "timestamp_send", g.plain_timestamp)
    yield send("timestamptz", "timestamptz_send", g.plain_timestamp)
    yield send("interval", "interval_send", g.plain_interval)


def numeric_operations():
    for sign in "+-*/%":
        yield Operation(f"numeric {sign}", f"a::numeric {sign} b::numeric", g.plain_numeric, g.plain_numeric)
    yield Operation("numeric compare", "sign(numeric_cmp(a::numeric, b::numeric))", g.plain_numeric, g.plain_numeric)
    yield Operation("numeric negate", "-(a::numeric)", g.plain_numeric)
    yield Operation("numeric floor", "floor(a::numeric)", g.plain_numeric)
    yield Operation("numeric ceil", "ceil(a::numeric)", g.plain_numeric)
    yield Operation("numeric bigint", "a::numeric::bigint", g.plain_numeric)
    yield Operation("numeric integer", "a::numeric::integer", g.plain_numeric)
    yield Operation("numeric double", "a::numeric::float8", g.plain_numeric)
    yield Operation("numeric round", "round(a::numeric, b::integer)", g.plain_numeric, g.places)
    yield Operation("numeric trunc", "trunc(a::numeric, b::integer)", g.plain_numeric, g.places)
    yield Operation("numeric from double", "a::float8::numeric", g.double)
    yield Operation("numeric sum", "(SELECT sum(x::numeric) FROM unnest(string_to_array(a, ',')) x)", g.numeric_list)
    yield Operation("numeric avg", "(SELECT avg(x::numeric) FROM unnest(string_to_array(a, ',')) x)", g.numeric_list)


def ordering_operations():
    """Comparison, and the order and equality of key bytes."""
    for name, compare, generator in [
            ("jsonb", "jsonb_cmp(a::jsonb, b::jsonb)", g.plain_json),
            ("integer[]", "btarraycmp(a::integer[], b::integer[])", g.array_of(g.small_number)),
            ("numeric[]", "btarraycmp(a::numeric[], b::numeric[])", g.array_of(g.numeric_element)),
            ("uuid", "uuid_cmp(a::uuid, b::uuid)", g.plain_uuid),
            ("bytea", "byteacmp(a::bytea, b::bytea)", g.plain_bytea),
            ("real", "btfloat4cmp(a::real, b::real)", g.real)]:
        yield Operation(f"compare {name}", f"sign({compare})", generator, generator)


def calendar_operations():
    yield Operation("timestamp + interval", "a::timestamp + b::interval", g.plain_timestamp, g.plain_interval)
    yield Operation("timestamp - interval", "a::timestamp - b::interval", g.plain_timestamp, g.plain_interval)
    yield Operation("timestamp - timestamp", "a::timestamp - b::timestamp", g.plain_timestamp, g.plain_timestamp)
    yield Operation("age", "age(a::timestamp, b::timestamp)", g.plain_timestamp, g.plain_timestamp)
    yield Operation("interval + interval", "a::interval + b::interval", g.plain_interval, g.plain_interval)
    yield Operation("interval - interval", "a::interval - b::interval", g.plain_interval, g.plain_interval)
    yield Operation("interval compare", "interval_cmp(a::interval, b::interval)", g.plain_interval, g.plain_interval)
    yield Operation("interval negate", "-(a::interval)", g.plain_interval)
    yield Operation("interval *", "a::interval * b::float8", g.plain_interval, g.factor)
    yield Operation("interval /", "a::interval / b::float8", g.plain_interval, g.factor)
    yield Operation("date_trunc timestamp", "date_trunc(a, b::timestamp)", g.field, g.plain_timestamp)
    yield Operation("date_trunc interval", "date_trunc(a, b::interval)", g.field, g.plain_interval)
    for type_name, generator in [("timestamp", g.plain_timestamp), ("timestamptz", g.plain_timestamp),
                                 ("date", g.plain_date), ("interval", g.plain_interval)]:
        yield Operation(f"extract {type_name}", f'pg_catalog."extract"(a, b::{type_name})', g.field, generator)
    yield Operation("timestamp from date", "a::date::timestamp", g.plain_date)
    yield Operation("date from timestamp", "a::timestamp::date", g.plain_timestamp)


FUNCTION = """
CREATE OR REPLACE FUNCTION judge(a text, b text) RETURNS text[] LANGUAGE plpgsql AS $judge$
DECLARE
  sqlstate_ text; message_ text; detail_ text; hint_ text;
BEGIN
  RETURN ARRAY['ok', format('%s', {expression})];
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS sqlstate_ = RETURNED_SQLSTATE, message_ = MESSAGE_TEXT, detail_ = PG_EXCEPTION_DETAIL,
    hint_ = PG_EXCEPTION_HINT;
  RETURN ARRAY['error', sqlstate_, message_, coalesce(detail_, ''), coalesce(hint_, '')];
END $judge$"""


def ask_postgres(connection, operation, questions):
    connection.execute(FUNCTION.replace("{expression}", operation.expression))
    def as_text(argument):
        return argument.hex() if isinstance(argument, bytes) else argument
    columns = [[as_text(question[i]) if i < len(question) else "" for question in questions] for i in range(2)]
    rows = connection.execute(
        "SELECT judge(a, b) FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS t(a, b, n) ORDER BY n",
        columns).fetchall()
    return [row[0] for row in rows]


def escape(value):
    data = value if isinstance(value, bytes) else value.encode()
    return "".join(chr(c) if 32 <= c <= 126 and c != 92 else f"\\x{c:02x}" for c in data)


def unescape(text):
    data = re.sub(rb"\\x(..)", lambda m: bytes([int(m.group(1), 16)]), text.encode())
    return data.decode(errors="surrogateescape")


def ask_probe(program, operation, questions):
    lines = "".join("\t".join([operation.name, *map(escape, question)]) + "\n" for question in questions)
    output = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    answers = [[unescape(part) for part in line.split("\t")] for line in output.splitlines()]
    assert len(answers) == len(questions), f"{len(answers)} answers to {len(questions)} questions"
    return answers


def digit_count(text):
    """Digits that a numeric of this text needs, leading zeros apart; an exponent counts in full."""
    match = re.fullmatch(r"\s*[+-]?(\d*)\.?(\d*)(?:[eE]\s*([+-]?\d+))?\s*", text)
    if not match:
        return 0
    whole, fraction, exponent = match.group(1), match.group(2), int(match.group(3) or 0)
    kept = (whole + fraction).lstrip("0")
    return len(kept) + max(0, exponent - len(fraction)) if kept else 0


# What we refuse where PostgreSQL 15 answers something else: operation, our message, a condition.
KNOWN_DIFFERENCES = [
    # It wraps around silently (later versions don't).
    ("interval(2)", "interval out of range", lambda question: True),
    ("timestamp - timestamp", "interval out of range", lambda question: True),
    # It takes the infinities for moments.
    ("age", "timestamp out of range", lambda question: "infinity" in " ".join(question)),
    # Zones in POSIX's notation with summer time ("est5edt").
    ("", r'time zone "[^-+0-9,]+[-+]?\d[\d:]*[^\d].*" not recognized', lambda question: True),
]


# Abbreviations of time zones whose offset changed over the years: we don't know them.
unknown_zones = set()


def find_unknown_zones(connection, program):
    zones = [row[0].lower() for row in connection.execute("SELECT abbrev FROM pg_timezone_abbrevs").fetchall()]
    operation = Operation("timestamptz", None)
    answers = ask_probe(program, operation, [[f"2013-01-01 00:00 {zone}"] for zone in zones])
    unknown_zones.update(zone for zone, answer in zip(zones, answers) if answer[0] == "error")
    print(f"{len(unknown_zones)} of {len(zones)} abbreviations of time zones are left out", flush=True)


def is_known(operation, question, ours):
    if ours[:2] == ["error", "22007"] and unknown_zones.intersection(re.findall("[a-z]+", question[0].lower())):
        return True
    return ours[0] == "error" and any(
        operation.name.startswith(name) and re.fullmatch(message, ours[2]) and condition(question)
        for name, message, condition in KNOWN_DIFFERENCES)


def is_same(operation, question, ours, theirs):
    """Equal, or a difference that we promise: 38 digits, and an error beyond; and the known ones."""
    if ours != theirs and is_known(operation, question, ours):
        return True
    if ours == theirs:
        return theirs[0] == "error" or "numeric" not in operation.name or digit_count(theirs[1]) <= MOST_DIGITS
    if not operation.name.startswith("numeric") or ours[:3] != ["error", "22003", "value overflows numeric format"]:
        return False
    texts = [part for argument in question for part in argument.split(",")]
    if theirs[0] == "ok":
        texts.append(theirs[1])
    return any(digit_count(text) > MOST_DIGITS for text in texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probe")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--only", default="", help="operations whose name starts with this")
    parser.add_argument("--show", type=int, default=5, help="differences printed per operation")
    options = parser.parse_args()
    start_seed = seed()
    print(f"seed {start_seed} (FOREBAY_TEST_SEED={start_seed} repeats this run)", flush=True)
    operations = [*input_operations(), *binary_operations(), *numeric_operations(),
                  *ordering_operations(),
                  *calendar_operations()]
    started = time.monotonic()
    asked = different = 0
    with ScratchPostgres() as postgres, postgres.connect() as connection:
        find_unknown_zones(connection, options.probe)
        for operation in operations:
            if not operation.name.startswith(options.only):
                continue
            rng = random.Random(f"{start_seed}/{operation.name}")
            questions = [[generate(rng) for generate in operation.arguments] for _ in range(options.count)]
            theirs = ask_postgres(connection, operation, questions)
            ours = ask_probe(options.probe, operation, questions)
            failures = [(question, our, their) for question, our, their in zip(questions, ours, theirs)
                        if not is_same(operation, question, our, their)]
            good = sum(answer[0] == "ok" for answer in theirs)
            print(f"{operation.name}: {len(questions)} asked, {good} valid, {len(failures)} different", flush=True)
            for question, our, their in failures[:options.show]:
                print(f"  {question}\n    ours       {our}\n    PostgreSQL {their}")
            if good == 0:
                print("  no valid question: the generator is broken")
                different += 1
            asked += len(questions)
            different += len(failures)
    print(f"{asked} questions, {different} different answers, {time.monotonic() - started:.0f} s")
    return 1 if different or not asked else 0


if __name__ == "__main__":
    sys.exit(main())
