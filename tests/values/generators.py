"""Random texts of every type: what users write, its limits, and what is almost right."""

MONTHS = ["jan", "Feb", "MAR", "april", "May", "june", "jul", "August", "sept", "Oct", "november", "Dec"]
WEEKDAYS = ["mon", "Tuesday", "wed", "THU", "fri", "Sat", "sunday"]
ZONES = ["Z", "z", "UTC", "GMT", "+00", "+05:30", "-08", "-0800", "+02", "-15:59:59", "+16", "+1:2:3", "EST",
         "PDT", "CEST", "+99999999999", " +3", "+12:60", "MET DST", "Mars/Base", "zulu"]
UNITS = ["us", "usec", "microseconds", "ms", "milliseconds", "s", "sec", "second", "seconds", "m", "min",
         "minute", "minutes", "h", "hr", "hours", "d", "day", "days", "w", "weeks", "mon", "mons", "months",
         "month", "y", "yr", "year", "years", "decade", "decades", "century", "centuries", "millennium",
         "mil", "c", "quarter", "fortnight", "MICROSECONDSX", "timezone"]
FIELDS = ["microseconds", "milliseconds", "ms", "second", "SECOND", "minute", "hour", "hours", "day", "week",
          "month", "quarter", "year", "decade", "century", "millennium", "julian", "epoch", "dow", "isodow",
          "doy", "isoyear", "timezone", "timezone_hour", "timezone_minute", "Nonsense", "", "ago", "@"]
ALPHABET = "0123456789+-.:/ eEtTzZpPaAyYdDmMsSwW,_*'\t"


def mutated(rng, text, chance=0.25):
    """Now and then with one to three characters more, less or other."""
    if rng.random() > chance:
        return text
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        kind = rng.random()
        if kind < 0.4:
            text = text[:at] + rng.choice(ALPHABET) + text[at:]
        elif kind < 0.7:
            text = text[:at] + text[at + 1:]
        else:
            text = text[:at] + rng.choice(ALPHABET) + text[at + 1:]
    return text


def padded(rng, text):
    return rng.choice(["", "", "", " ", "\t", "\n "]) + text + rng.choice(["", "", "", " ", "  ", "\r"])


def digits(rng, most):
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(1, most)))


def boolean(rng):
    words = ["true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n"]
    word = rng.choice(words)
    word = word[:rng.randint(1, len(word))] if rng.random() < 0.4 else word
    word = rng.choice([str.lower, str.upper, str.title])(word)
    return mutated(rng, padded(rng, word), 0.15)


def whole(rng, bits):
    edge = 1 << (bits - 1)
    kind = rng.random()
    if kind < 0.3:
        number = rng.randint(-edge, edge - 1)
    elif kind < 0.5:
        number = rng.choice([-edge, edge]) + rng.randint(-3, 3)
    elif kind < 0.8:
        number = rng.randint(-1000, 1000)
    else:
        number = rng.randint(-edge * 100, edge * 100)
    text = rng.choice(["", "", "0", "+"] if number >= 0 else [""]) + str(number)
    return mutated(rng, padded(rng, text))


def integer(rng):
    return whole(rng, 32)


def bigint(rng):
    return whole(rng, 64)


def double(rng):
    import struct
    kind = rng.random()
    if kind < 0.35:
        text = repr(struct.unpack("<d", rng.getrandbits(64).to_bytes(8, "little"))[0])
    elif kind < 0.6:
        text = str(rng.randint(-10**9, 10**9) / 10**rng.randint(0, 9))
    elif kind < 0.75:
        text = f"{rng.choice(['', '-', '+'])}{digits(rng, 20)}e{rng.randint(-345, 325)}"
    elif kind < 0.8:
        text = f"{digits(rng, 3)}e{rng.randint(-25, 25)}"
    elif kind < 0.85:
        text = str(float(2**rng.randint(0, 200)))
    elif kind < 0.95:
        text = rng.choice(["", "-"]) + digits(rng, 18) + "." + rng.choice(["", digits(rng, 18)])
    else:
        text = rng.choice(["NaN", "inf", "-Infinity", "+INF", "infinit", "0x1fp3", "-0", "nan(5)", "", ".", "-.5", "1e"])
    return mutated(rng, padded(rng, text), 0.15)


def numeric(rng, most=38):
    kind = rng.random()
    sign = rng.choice(["", "", "-", "+"])
    if kind < 0.5:
        text = sign + digits(rng, 9) + rng.choice(["", "." + digits(rng, 6)])
    elif kind < 0.8:
        text = sign + digits(rng, most // 2) + rng.choice(["", ".", "." + digits(rng, most // 2)])
    elif kind < 0.9:
        text = f"{sign}{digits(rng, 5)}.{digits(rng, 5)}e{rng.randint(-30, 30)}"
    elif kind < 0.95:
        text = rng.choice(["NaN", "Infinity", "-inf", "+inf", "0", "0.000", "-0.0", "1e-16383", "1e-16384",
                           "0e400", "1e131073", "1e99999999999", "infinite", "1e", "1e 5", "."])
    else:
        text = sign + digits(rng, 45) + "." + digits(rng, 45)
    return text


def numeric_text(rng):
    return mutated(rng, padded(rng, numeric(rng)), 0.15)


def plain_numeric(rng):
    """For arithmetic: no errors of input, mostly."""
    if rng.random() < 0.05:
        return rng.choice(["NaN", "Infinity", "-Infinity", "0", "0.00", "-0.0"])
    if rng.random() < 0.1:  # exactly between two, when rounded to two places
        return f"{rng.choice(['', '-'])}{digits(rng, 6)}.{rng.randint(0, 99):02d}5"
    most = rng.choice([4, 9, 9, 15, 19, 30])
    text = digits(rng, most)
    if rng.random() < 0.6:
        text += "." + digits(rng, min(38 - len(text), rng.choice([2, 2, 6, 12])))
    if rng.random() < 0.1:
        text = "0." + "0" * rng.randint(0, 12) + digits(rng, 12)
    return rng.choice(["", "-"]) + text


def numeric_list(rng):
    return ",".join(plain_numeric(rng) for _ in range(rng.randint(1, 6)))


def text_bytes(rng):
    kind = rng.random()
    if kind < 0.6:
        text = "".join(rng.choice(["a", "Z", " ", "0", "é", "ß", "漢", "😀", "\n", "\t", "\\"])
                       for _ in range(rng.randint(0, 12)))
        return text.encode()
    if kind < 0.9:
        good = "".join(rng.choice("aé漢😀 ") for _ in range(rng.randint(0, 14))).encode()
        at = rng.randint(0, len(good))
        return good[:at] + bytes([rng.randrange(256)]) + good[at + rng.randint(0, 1):]
    return bytes(rng.randrange(256) for _ in range(rng.randint(0, 10)))


def year(rng, last):
    kind = rng.random()
    if kind < 0.6:
        return rng.randint(1900, 2100)
    if kind < 0.8:
        return rng.randint(1, 9999)
    if kind < 0.9:
        return rng.choice([0, 1, 4, 99, 100, 400, 1582, 4713, 4714, 4715, last - 1, last, last + 1, 294276, 294277])
    return rng.randint(1, last + 100)


def date_part(rng, last=294277):
    y, m, d = year(rng, last), rng.randint(1, 12), rng.randint(1, 28)
    if rng.random() < 0.1:
        m, d = rng.randint(0, 14), rng.randint(0, 33)
    word = rng.choice(MONTHS)
    short = f"{y % 100:02d}"
    return rng.choice([
        f"{y:04d}-{m:02d}-{d:02d}", f"{y:04d}-{m:02d}-{d:02d}", f"{y:04d}-{m:02d}-{d:02d}", f"{y}-{m}-{d}",
        f"{m}/{d}/{y}", f"{m}/{d}/{short}", f"{m:02d}-{d:02d}-{y:04d}", f"{y:04d}{m:02d}{d:02d}", f"{y:04d}/{m}/{d}",
        f"{short}{m:02d}{d:02d}", f"{word} {d}, {y:04d}", f"{d} {word} {y:04d}", f"{d}-{word}-{y:04d}",
        f"{y:04d}-{word}-{d:02d}", f"{word}-{d}-{y:04d}", f"{d}.{m}.{y:04d}", f"{y:04d}.{rng.randint(1, 400):03d}",
        f"{y:04d} {rng.randint(0, 400):03d}", f"J{rng.randint(0, 3000000)}", f"j {rng.randint(0, 3000000)}",
        f"{d} {word} {short}", f"{y:04d} {word} {d}", f"{word} {d} {y:04d}", f"{y:04d}-{m:02d}", f"{word} {y:04d}"])


def time_part(rng):
    h, m, s = rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59)
    if rng.random() < 0.08:
        h, m, s = rng.choice([(24, 0, 0), (24, 0, 1), (23, 59, 60), (25, 1, 1), (1, 60, 1), (1, 1, 61)])
    fraction = rng.choice(["", "", ".5", ".", "." + digits(rng, 6), "." + digits(rng, 9)])
    return rng.choice([
        f"{h:02d}:{m:02d}:{s:02d}{fraction}", f"{h:02d}:{m:02d}:{s:02d}{fraction}", f"{h:02d}:{m:02d}", f"{h}:{m}:{s}",
        f"{h:02d}{m:02d}{s:02d}{fraction}", f"{h:02d}{m:02d}", f"{h % 14}:{m:02d} {rng.choice(['am', 'PM'])}",
        f"{h}:{m:02d}:{s:02d}AM", f"{m:02d}:{s:02d}{fraction}", "allballs", f"{h}:"])


def moment(rng, last, with_time):
    kind = rng.random()
    if kind < 0.03:
        return rng.choice(["infinity", "-infinity", "epoch", "Infinity ", "+infinity", "", " ", "epoch 12:00", "bc"])
    text = date_part(rng, last)
    if with_time or rng.random() < 0.15:
        text += rng.choice([" ", " ", " ", "T", "t", "  ", ", ", ""]) + time_part(rng)
        if rng.random() < 0.5:
            text += rng.choice(["", " "]) + rng.choice(ZONES)
    if rng.random() < 0.08:
        text += rng.choice([" BC", " AD", "bc", " dst"])
    if rng.random() < 0.08:
        text = rng.choice(WEEKDAYS) + rng.choice([" ", ", "]) + text
    if rng.random() < 0.04:
        pieces = text.split(" ")
        rng.shuffle(pieces)
        text = " ".join(pieces)
    return mutated(rng, padded(rng, text), 0.12)


def date(rng):
    return moment(rng, 5874898, False)


def timestamp(rng):
    return moment(rng, 294277, True)


def plain_timestamp(rng):
    if rng.random() < 0.03:
        return rng.choice(["infinity", "-infinity", "294276-12-31 23:59:59.999999", "4714-11-24 00:00 BC"])
    text = f"{year(rng, 294276):04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    if rng.random() < 0.8:
        text += f" {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}.{digits(rng, 6)}"
    return text + (" BC" if rng.random() < 0.1 else "")


def plain_date(rng):
    if rng.random() < 0.03:
        return rng.choice(["infinity", "-infinity", "5874897-12-31", "4714-11-24 BC", "294277-01-01"])
    return (f"{year(rng, 5874897):04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 31):02d}"
            + (" BC" if rng.random() < 0.15 else ""))


def amount(rng):
    kind = rng.random()
    if kind < 0.6:
        return f"{rng.choice(['', '-', '+'])}{rng.randint(0, 400)}"
    if kind < 0.85:
        return f"{rng.choice(['', '-'])}{rng.randint(0, 40)}.{digits(rng, 8)}"
    if kind < 0.95:
        return rng.choice([".5", "-.25", "1.", "-0.1", "- 3", "+ 4.5"])
    return rng.choice(["2147483647", "-2147483648", "178956970", "2147483648", "9223372036854775807",
                       "9223372036854775808", "99999999999999999999", "106751991", "2562047788"])


def plain_interval(rng):
    parts = []
    for unit, most in [("years", 100), ("months", 30), ("days", 400)]:
        if rng.random() < 0.5:
            parts.append(f"{rng.randint(-most, most)} {unit}")
    if rng.random() < 0.6 or not parts:
        parts.append(f"{rng.choice(['', '-'])}{rng.randint(0, 50)}:{rng.randint(0, 59):02d}:"
                     f"{rng.randint(0, 59):02d}.{digits(rng, 6)}")
    if rng.random() < 0.02:
        parts = [rng.choice(["178956970 years", "2147483647 days", "-2147483648 days", "2562047788:00:54.775807"])]
    return " ".join(parts)


def iso_interval(rng):
    kind = rng.random()
    if kind < 0.7:
        text = "P" + "".join(f"{amount(rng).replace(' ', '')}{unit}" for unit in "YMWD" if rng.random() < 0.5)
        if rng.random() < 0.6:
            text += "T" + "".join(f"{amount(rng).replace(' ', '')}{unit}" for unit in "HMS" if rng.random() < 0.6)
        return text
    date_text = rng.choice([f"{rng.randint(0, 99):04d}-{rng.randint(0, 12):02d}-{rng.randint(0, 31):02d}",
                            f"{rng.randint(0, 99):04d}{rng.randint(0, 12):02d}{rng.randint(0, 31):02d}",
                            f"{rng.randint(0, 99)}", f"{rng.randint(0, 99)}-{rng.randint(0, 9)}", ""])
    time_text = rng.choice(["", f"T{rng.randint(0, 30):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}.{digits(rng, 3)}",
                            f"T{rng.randint(0, 23):02d}{rng.randint(0, 59):02d}{rng.randint(0, 59):02d}.{digits(rng, 3)}",
                            f"T{rng.randint(0, 30)}", f"T{rng.randint(0, 30)}:{rng.randint(0, 70)}", "T"])
    return "P" + date_text + time_text


def interval(rng):
    kind = rng.random()
    if kind < 0.5:
        parts = [f"{amount(rng)}{rng.choice([' ', ' ', ''])}{rng.choice(UNITS)}" for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.3:
            parts.append(rng.choice(["", "-", "+"]) + time_part(rng))
        if rng.random() < 0.1:
            parts.append("ago")
        if rng.random() < 0.1:
            parts.insert(0, "@")
        text = rng.choice([" ", " ", ", "]).join(parts)
    elif kind < 0.65:
        text = rng.choice([
            f"{rng.choice(['', '-'])}{rng.randint(0, 99)}-{rng.randint(0, 13)}", f"{rng.randint(-9, 9)} {time_part(rng)}",
            f"{rng.randint(0, 9)}-{rng.randint(0, 11)} {rng.choice(['', '-', '+'])}{rng.randint(0, 40)} "
            f"{rng.choice(['', '-', '+'])}{rng.randint(0, 100)}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}",
            amount(rng), f"{rng.randint(0, 99)}:{rng.randint(0, 61)}", f"{rng.randint(0, 99)}:{rng.randint(0, 61)}.{digits(rng, 3)}"])
    elif kind < 0.85:
        text = iso_interval(rng)
    else:
        text = plain_interval(rng)
    return mutated(rng, padded(rng, text), 0.1)


def restricted_interval(rng):
    """For INTERVAL '...' with a field: often a bare number."""
    return amount(rng) if rng.random() < 0.4 else interval(rng)


def factor(rng):
    return rng.choice([str(rng.randint(-20, 20)), f"{rng.uniform(-5, 5):.4f}", repr(rng.uniform(-1000, 1000)),
                       "0", "1e10", "1e300", "-1e-9", "NaN", "Infinity"] + [f"{rng.uniform(0, 3):.2f}"] * 6)


def places(rng):
    return str(rng.choice([rng.randint(-5, 15), rng.randint(-40, 40), rng.randint(0, 3), 2]))


def field(rng):
    return rng.choice(FIELDS)


def smallint(rng):
    return whole(rng, 16)


def real(rng):
    import struct
    kind = rng.random()
    if kind < 0.5:
        text = repr(struct.unpack("<f", rng.getrandbits(32).to_bytes(4, "little"))[0])
        if rng.random() < 0.5:
            text = text[:rng.randint(1, 12)]
    elif kind < 0.75:
        text = f"{rng.choice(['', '-', '+'])}{digits(rng, 10)}e{rng.randint(-48, 40)}"
    elif kind < 0.9:
        text = str(rng.randint(-10**7, 10**7) / 10**rng.randint(0, 6))
    else:
        text = rng.choice(["NaN", "inf", "-Infinity", "-0", "16777216", "16777217", "3.4028235e38", "3.4028236e38",
                           "1e-45", "1e-46", "", ".", "1e"])
    return mutated(rng, padded(rng, text), 0.1)


def time(rng):
    text = time_part(rng)
    if rng.random() < 0.2:
        text += rng.choice(["", " "]) + rng.choice(["Z", "UTC", "+00", "+05:30", "-08", "EST"])
    if rng.random() < 0.05:
        text = f"2013-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} {plain_time(rng)}"
    return padded(rng, text)


def plain_time(rng):
    if rng.random() < 0.03:
        return rng.choice(["24:00:00", "00:00:00"])
    return f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}.{digits(rng, 6)}"


def bytea(rng):
    kind = rng.random()
    data = bytes(rng.choice([0, 39, 65, 92, 127, 128, 255, rng.randrange(256)]) for _ in range(rng.randint(0, 10)))
    if kind < 0.5:
        text = "\\x" + data.hex()
        if rng.random() < 0.2:
            at = rng.randint(2, len(text))
            text = text[:at] + rng.choice([" ", "\n", "A", "f", "g", "é"]) + text[at:]
        return text
    text = "".join(chr(c) if 32 <= c < 127 and c != 92 else f"\\{c:03o}" for c in data)
    return mutated(rng, text.replace("A", rng.choice(["A", "\\\\"])), 0.2)


def plain_bytea(rng):
    return "\\x" + bytes(rng.randrange(256) for _ in range(rng.randint(0, 30))).hex()


def uuid(rng):
    text = bytes(rng.randrange(256) for _ in range(16)).hex()
    kind = rng.random()
    if kind < 0.5:
        text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    elif kind < 0.7:
        text = "-".join(text[i:i + 4] for i in range(0, 32, 4))
    if rng.random() < 0.3:
        text = "{" + text + "}"
    return mutated(rng, rng.choice([str.lower, str.upper])(text), 0.2)


def plain_uuid(rng):
    return bytes(rng.randrange(256) for _ in range(16)).hex()


def json_number(rng):
    return rng.choice(["0", "-0", "1", "1.0", "1.50", "-2.25", "1e5", "1E-3", "12.5e1", "100", "0.000", "-0.0", "1e20",
                       str(rng.randint(-10**6, 10**6)), f"{rng.randint(-99, 99)}.{digits(rng, 4)}",
                       "123456789012345678901234567890123456789012345.67"])


def json_string(rng):
    parts = ["a", "b", "Z", " ", "é", "漢", "\\n", "\\t", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\ud83d\\ude00",
             "\\u0007", "x"]
    text = "".join(rng.choice(parts) for _ in range(rng.choice([0, 1, 1, 2, 3, 8])))
    if rng.random() < 0.03:
        text += rng.choice(["\\u0000", "\\ud83d", "\\ude00", "\\u12", "\\x", "\n", "\\"])
    return f'"{text}"'


def json_value(rng, depth):
    kind = rng.random()
    blank = rng.choice(["", "", "", " ", "\n\t"])
    if depth == 0 or kind < 0.5:
        return blank + rng.choice([json_number, json_number, json_string, lambda r: r.choice(["true", "false", "null"])])(rng)
    items = [json_value(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 2, 3]))]
    if kind < 0.75:
        return blank + "[" + f"{blank},".join(items) + blank + "]"
    keys = [rng.choice(['"a"', '"b"', '"aa"', '"k"', '""', json_string(rng)]) for _ in items]
    return blank + "{" + ",".join(f"{key}{blank}:{item}" for key, item in zip(keys, items)) + blank + "}"


def json(rng):
    text = json_value(rng, rng.choice([0, 1, 2, 3]))
    if rng.random() < 0.12:
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(["", ",", "}", "]", "{", "[", ":", '"', "x", "tru", "1", "-", " "]) + text[at + rng.randint(0, 1):]
    return text


def plain_json(rng):
    def value(depth):
        kind = rng.random()
        if depth == 0 or kind < 0.5:
            return rng.choice(["0", "1", "1.0", "2", "-1.5", "10", '"a"', '"b"', '"ab"', "true", "false", "null"])
        items = [value(depth - 1) for _ in range(rng.randint(0, 3))]
        if kind < 0.75:
            return "[" + ",".join(items) + "]"
        return "{" + ",".join(f'"{rng.choice(["a", "b", "aa"])}":{item}' for item in items) + "}"
    return value(rng.randint(0, 2))


def array_of(element):
    def text(rng, depth):
        if depth > 1:
            part = text(rng, depth - 1)
            return "{" + ",".join([part] * rng.randint(1, 2)) + "}"
        items = []
        for _ in range(rng.randint(0, 4)):
            item = element(rng)
            if rng.random() < 0.1:
                item = rng.choice(["NULL", "null"])
            elif item == "" or rng.random() < 0.3 or any(c in item for c in ',{}"\\ \t\n\r') or item.lower() == "null":
                item = '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
            items.append(rng.choice(["", "", " "]) + item + rng.choice(["", "", " "]))
        return "{" + ",".join(items) + "}"

    def generate(rng):
        result = text(rng, rng.choice([1, 1, 1, 2, 3]))
        if rng.random() < 0.05:
            result = rng.choice(["[0:1]=", "[2:4]=", "[1:2][1:2]=", "[5]="]) + result
        return result
    return generate


def small_number(rng):
    return str(rng.randint(-5, 5))


def numeric_element(rng):
    return rng.choice(["1", "1.0", "2.50", "2.5", "-3", "NaN", "100"])


def text_element(rng):
    return rng.choice(["a", "b", "", "a b", "null", "x,y", "q\"q", "\\", "é"])
