"""PostgreSQL's protocol by hand, for what no client library would send."""
import socket
import struct


def message(kind, body=b""):
    """One message with its type and length."""
    return kind + struct.pack("!i", len(body) + 4) + body


def startup(user="root", database="dev", version=3 << 16, **parameters):
    body = struct.pack("!i", version)
    for name, value in {"user": user, "database": database, **parameters}.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    return struct.pack("!i", len(body) + 5) + body + b"\0"


def query(sql):
    return message(b"Q", sql.encode() + b"\0")


def parse(sql, name="", oids=()):
    return message(b"P", name.encode() + b"\0" + sql.encode() + b"\0" + struct.pack("!h", len(oids)) +
                   b"".join(struct.pack("!i", oid) for oid in oids))


def bind(values=(), portal="", name="", formats=(), result_formats=()):
    body = portal.encode() + b"\0" + name.encode() + b"\0"
    body += struct.pack("!h", len(formats)) + b"".join(struct.pack("!h", code) for code in formats)
    body += struct.pack("!h", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    body += struct.pack("!h", len(result_formats))
    return message(b"B", body + b"".join(struct.pack("!h", code) for code in result_formats))


def describe(what=b"P", name=""):
    return message(b"D", what + name.encode() + b"\0")


def execute(max_rows=0, portal=""):
    return message(b"E", portal.encode() + b"\0" + struct.pack("!i", max_rows))


def close(what=b"P", name=""):
    return message(b"C", what + name.encode() + b"\0")


SYNC = message(b"S")
FLUSH = message(b"H")
TERMINATE = message(b"X")


def error_fields(body):
    """Code -> text of an ErrorResponse or NoticeResponse."""
    return {field[:1].decode(): field[1:].decode() for field in body.split(b"\0") if field}


def row_values(body):
    """The cells of a DataRow as bytes; None for NULL."""
    count, at, cells = struct.unpack_from("!h", body)[0], 2, []
    for _ in range(count):
        size = struct.unpack_from("!i", body, at)[0]
        at += 4
        cells.append(None if size < 0 else body[at:at + size])
        at += max(size, 0)
    return cells


class Raw:
    """A socket that can send anything. connect=True goes through the startup first."""

    def __init__(self, port, connect=True, timeout_s=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._received = b""
        self.key = None
        if connect:
            self.send(startup())
            for kind, body in self.until_ready():
                if kind == b"K":
                    self.key = struct.unpack("!ii", body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, size):
        while len(self._received) < size:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the server has closed the connection")
            self._received += more
        data, self._received = self._received[:size], self._received[size:]
        return data

    def next(self):
        """(type, body) of the next message."""
        kind = self.read(1)
        return kind, self.read(struct.unpack("!i", self.read(4))[0] - 4)

    def until_ready(self):
        """All messages up to and with ReadyForQuery."""
        messages = [self.next()]
        while messages[-1][0] != b"Z":
            messages.append(self.next())
        return messages

    def ask(self, data):
        self.send(data)
        return self.until_ready()

    def rest(self):
        """All that comes until the server closes (b"" also when it resets)."""
        data = self._received
        self._received = b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except ConnectionError:
            pass
        return data


def kinds(messages):
    """The types of messages as one string."""
    return b"".join(kind for kind, _ in messages).decode()
