"""Draws the views of the demo in a terminal, what has changed since the last frame in green."""
import datetime
import decimal
import sys
import time

_BOLD, _DIM, _GREEN, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_WITHOUT_TERMINAL_S = 5


def show(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value)


def _is_number(value):
    return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)


class Screen:
    """psql_line: how to look for oneself; speed: as in job.sql; expected: number of departures of the year."""

    # Title -> what to read. A view has no order, so the query gives one.
    QUERIES = {
        "Delay in minutes by airport and hour: the latest (delay_by_airport_and_hour)":
            "SELECT origin, hour, flights, cancelled, average_delay, longest_delay "
            "FROM latest_hours ORDER BY hour DESC, origin",
        "Worst carriers so far (worst_carriers)":
            "SELECT airline, flights, cancelled, average_delay, over_an_hour "
            "FROM worst_carriers ORDER BY average_delay DESC, airline",
        "What the weather does (delay_by_weather)":
            "SELECT weather, flights, cancelled, average_delay "
            "FROM delay_by_weather ORDER BY average_delay DESC, weather",
        "Departures with airline and weather: the latest (departures)":
            "SELECT event_time, airline, flight, origin, destination, dep_delay, cancelled, temp, wind_speed "
            "FROM latest_departures ORDER BY event_time DESC, airline, flight, origin",
    }

    def __init__(self, psql_line, speed, expected):
        self._psql_line = psql_line
        self._speed = speed
        self._expected = expected
        self._terminal = sys.stdout.isatty()
        self._before = {}
        self._drawn = None
        self._started = None
        if self._terminal:
            print(_HOME + _CLEAR_BELOW, end="")

    def _style(self, text, style):
        return style + text + _PLAIN if self._terminal else text

    def say(self, message):
        """A line of its own at the end of the screen."""
        print("\n" + self._style(message, _BOLD), flush=True)

    def draw(self, flights, tables):
        """flights: (records, clock); tables: title -> (names, rows)."""
        now = time.monotonic()
        if not self._terminal and self._drawn is not None and now - self._drawn < _WITHOUT_TERMINAL_S:
            return
        self._drawn = now
        lines = self._header(flights, now)
        for title, (names, rows) in tables.items():
            lines += ["", self._style(title, _BOLD)]
            lines += self._table(title, names, rows)
        lines += ["", "Look for yourself:  " + self._style(self._psql_line, _BOLD),
                  self._style("Ctrl-C ends it; kill -9 the server, if you like, and watch it go on.", _DIM)]
        if self._terminal:
            print(_HOME + "".join(line + _CLEAR_LINE + "\n" for line in lines) + _CLEAR_BELOW, end="", flush=True)
        else:
            print("\n".join(lines) + "\n", flush=True)

    def _header(self, flights, now):
        records, clock = flights
        if self._started is None:
            self._started = (now, records)
        seconds = now - self._started[0]
        rate = (records - self._started[1]) / seconds if seconds > 1 else 0
        state = "the year is over" if records == self._expected else f"{rate:,.0f} a second"
        return [self._style("Departures from New York in 2013", _BOLD)
                + f"   {show(clock)} UTC   replayed at speed {self._speed}",
                f"{records:,} of {self._expected:,} departures, {state}"]

    def _table(self, title, names, rows):
        cells = [[show(value) for value in row] for row in rows]
        right = [all(row[i] is None or _is_number(row[i]) for row in rows)
                 for i in range(len(names))]
        widths = [max([len(names[i])] + [len(row[i]) for row in cells]) for i in range(len(names))]

        def fit(text, i):
            return text.rjust(widths[i]) if right[i] else text.ljust(widths[i])
        before = self._before.get(title)
        seen = {tuple(row) for row in before or []}
        lines = [self._style("  " + "  ".join(fit(name, i) for i, name in enumerate(names)), _DIM)]
        for row in cells:
            text = "  " + "  ".join(fit(cell, i) for i, cell in enumerate(row))
            changed = before is not None and tuple(row) not in seen
            lines.append(self._style(text, _GREEN) if changed else text)
        self._before[title] = cells
        return lines
