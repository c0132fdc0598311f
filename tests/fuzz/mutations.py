"""Changes of texts, messages and records, drawn from one random generator."""
import re

TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+|\s+|::|[<>=!|&~@#*/+-]{2}|.",
                   re.S | re.I)
LITERALS = ("NULL", "0", "-1", "1", "2147483647", "-2147483648", "9223372036854775807", "9223372036854775808", "1e308",
            "1e-400", "0.1", "99999999999999999999999999999999999999", "''", "'NaN'::double", "'infinity'::timestamp",
            "'2024-02-29'", "INTERVAL '1 month -1 day'", "true", "'\u00e4\u4e2d'", "(SELECT 1)", "ARRAY[1,2]", "$1",
            "DATE '0001-01-01 BC'", "'5874897-12-31'::date", "1.5::numeric(3,1)", "repeat('x', 100)", "'{}'", "count(*)",
            "sum(1)", "*", "DISTINCT", "NOT", "(", ")", ",")
BYTES = (b"\0", b"\xff", b"\xc3", b"\"", b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\t", b"-", b"e",
         b"9" * 40, b"null", b"\\u0000", b"\\ud800", b"1e999", b"[" * 2000, b" " * 300, b"\xef\xbb\xbf")


def tokens(sql):
    return TOKEN.findall(sql)


def mutate_sql(random, sql, pool):
    """`sql` with one to four tokens removed, doubled, swapped, replaced; `pool`: tokens of other statements."""
    parts = tokens(sql)
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        if not parts:
            break
        words = [at for at, part in enumerate(parts) if not part.isspace()] or [0]
        at = random.choice(words)
        kind = random.random()
        if kind < 0.15:
            del parts[at]
        elif kind < 0.25:
            parts.insert(at, parts[at])
        elif kind < 0.4:
            other = random.choice(words)
            parts[at], parts[other] = parts[other], parts[at]
        elif kind < 0.65:
            parts[at] = random.choice(LITERALS)
        elif kind < 0.9:
            parts[at] = random.choice(pool)
        elif kind < 0.96:
            begin, end = sorted((random.choice(words), at))
            parts[begin:begin] = ["(", *parts[begin:end], ")"]
        else:
            text = parts[at]
            where = random.randrange(len(text) + 1)
            parts[at] = text[:where] + random.choice(("'", "\"", "\\", "\u20ac", ";", "/*", "$$", "\t")) + text[where:]
    return "".join(parts).replace("\0", "")


def mutate_bytes(random, data):
    """`data` with a few bytes or spans changed, removed, doubled or inserted."""
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        at = random.randrange(len(data) + 1)
        kind = random.random()
        if kind < 0.3:
            data[at:at] = random.choice(BYTES)
        elif kind < 0.5 and at < len(data):
            data[at] = random.randrange(256)
        elif kind < 0.65:
            del data[at:at + random.choice((1, 1, 2, 5, 50))]
        elif kind < 0.8:
            data[at:at] = data[at:at + random.randrange(1, 30)]
        elif kind < 0.9:
            del data[at:]
        elif at < len(data):
            data[at] ^= 1 << random.randrange(8)
    return bytes(data)
