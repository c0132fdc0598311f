"""Records that can't be read: format -> name -> (the record's bytes, the SQLSTATE of its error). `%d` is its id."""

COLUMNS = ("id int, n int, b bigint, x double precision, amount numeric(6,2), flag boolean, day date, at timestamp, "
           "at_tz timestamptz, t text")
NAMES = [column.split()[0] for column in COLUMNS.replace("numeric(6,2)", "numeric").split(", ")]

GOOD = {
    "id": b"%d", "n": b"5", "b": b"50000000000", "x": b"0.5", "amount": b"12.30", "flag": b"true", "day": b"2024-02-29",
    "at": b"2024-02-29 12:00:00", "at_tz": b"2024-02-29T12:00:00Z", "t": "käse".encode(),
}
_TEXTS = ("day", "at", "at_tz", "t")


def json_record(**changed):
    """A record in JSON; what is changed is given as JSON."""
    fields = []
    for name, value in GOOD.items():
        value = changed.get(name, b'"' + value + b'"' if name in _TEXTS else value)
        fields.append(b'"' + name.encode() + b'": ' + value)
    return b"{" + b", ".join(fields) + b"}"


def csv_record(**changed):
    return b",".join(changed.get(name, value) for name, value in GOOD.items())


SYNTAX = "22P02"
RANGE = "22003"
DATE = "22007"
DATE_FIELD = "22008"
ENCODING = "22021"
COPY = "22P04"

JSON = {
    "not JSON": (b"hello %d", SYNTAX),
    "truncated": (json_record()[:-20], SYNTAX),
    "an array": (b"[%d, 2]", SYNTAX),
    "a number": (b"4%d", SYNTAX),
    "null": (b"null", SYNTAX),
    "something after it": (json_record() + b" x", SYNTAX),
    "two objects in a line": (json_record() + json_record(), SYNTAX),
    "comma at the end": (json_record()[:-1] + b",}", SYNTAX),
    "apostrophes": (json_record().replace(b'"', b"'"), SYNTAX),
    "no colon": (json_record().replace(b'"n":', b'"n"'), SYNTAX),
    "control character in a string": (json_record(t=b'"a\tb"'), SYNTAX),
    "half a surrogate": (json_record(t=b'"\\ud800"'), SYNTAX),
    "invalid UTF-8": (json_record(t=b'"\xff\xfe"'), ENCODING),
    "NaN": (json_record(x=b"NaN"), SYNTAX),
    "text for an integer": (json_record(n=b'"many"'), SYNTAX),
    "integer out of range": (json_record(n=b"3000000000"), RANGE),
    "bigint out of range": (json_record(b=b"9223372036854775808"), RANGE),
    "numeric field overflow": (json_record(amount=b"12345.6"), RANGE),
    "month 13": (json_record(day=b'"2024-13-01"'), DATE_FIELD),
    "no timestamp": (json_record(at=b'"noon"'), DATE),
    "no boolean": (json_record(flag=b'"maybe"'), SYNTAX),
    "100,000 levels": (json_record(t=b"[" * 100_000), "54001"),
}

CSV = {
    "text for an integer": (csv_record(n=b"many"), SYNTAX),
    "fraction for an integer": (csv_record(n=b"1.5"), SYNTAX),
    "integer out of range": (csv_record(n=b"3000000000"), RANGE),
    "bigint out of range": (csv_record(b=b"9223372036854775808"), RANGE),
    "two signs": (csv_record(b=b"--5"), SYNTAX),
    "text for a double": (csv_record(x=b"much"), SYNTAX),
    "double out of range": (csv_record(x=b"1e400"), RANGE),
    "text for a numeric": (csv_record(amount=b"12,30".replace(b",", b"'")), SYNTAX),
    "numeric field overflow": (csv_record(amount=b"12345.6"), RANGE),
    "no boolean": (csv_record(flag=b"maybe"), SYNTAX),
    "month 13": (csv_record(day=b"2024-13-01"), DATE_FIELD),
    "29 February of 2023": (csv_record(day=b"2023-02-29"), DATE_FIELD),
    "no date": (csv_record(day=b"someday"), DATE),
    "no timestamp": (csv_record(at=b"noon"), DATE),
    "hour 25": (csv_record(at=b"2024-02-29 25:00:00"), DATE_FIELD),
    "no time zone": (csv_record(at_tz=b"2024-02-29 12:00:00 Nowhere/Land"), "22023"),
    "a field too few": (csv_record().rsplit(b",", 1)[0], COPY),
    "a field too many": (csv_record() + b",more", COPY),
    "text behind a quoted field": (csv_record(t=b'"a"b'), COPY),
    "invalid UTF-8": (csv_record(t=b"\xff\xfe"), ENCODING),
    "a zero byte": (csv_record(t=b"a\0b"), ENCODING),
}

FORMATS = {"JSON": JSON, "CSV": CSV}


def good_record(which, number):
    return (json_record() if which == "JSON" else csv_record()) % number


def bad_record(which, name, number):
    record = FORMATS[which][name][0]
    return record.replace(b"%d", b"%d" % number)
