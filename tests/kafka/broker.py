"""A real Kafka broker (KRaft, one node) of a test's own: loopback, free ports, a temporary folder."""
import atexit
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests")]
from support.processes import die_with_parent, free_port, wait_until  # noqa: E402

JARS = os.path.join(ROOT, ".deps", "kafka")
JVM = ["-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]

CONFIG = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,TLS:SSL,SCRAM:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs={folder}/log
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
log.cleaner.backoff.ms=100
log.initial.task.delay.ms=100
log.segment.delete.delay.ms=100
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=2097152
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.scram.scram-sha-256.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

LISTENERS = ("PLAIN", "TLS", "SCRAM")


def listens(address):
    """True while something accepts connections at host:port."""
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


class Broker:
    """Started by start(), killed by kill(); the same folder and ports over all its lives."""

    def __init__(self, adopted=None):
        self.process = None
        self.adopted_pid = None
        atexit.register(self.close)
        if adopted:
            self.folder, self.addresses = adopted["folder"], adopted["addresses"]
            self.adopted_pid = adopted["pid"]
            self.config = os.path.join(self.folder, "server.properties")
            self.formatted = True
            return
        self.folder = tempfile.mkdtemp(prefix="forebay-kafka-")
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in LISTENERS}
        config = CONFIG.format(
            controller=free_port(), folder=self.folder,
            listeners=",".join(f"{name}://{address}" for name, address in self.addresses.items()))
        self.make_certificate()
        self.config = os.path.join(self.folder, "server.properties")
        with open(self.config, "w", encoding="utf8") as file:
            file.write(config)
        self.formatted = False

    @classmethod
    def adopted(cls):
        """The broker that `broker.py FILE` has started, with the file's name in FOREBAY_TEST_BROKER; None without."""
        path = os.environ.get("FOREBAY_TEST_BROKER")
        if not path:
            return None
        wait_until(lambda: os.path.exists(path), 120, "the broker of " + path)
        with open(path, encoding="utf8") as file:
            return cls(json.load(file))

    @property
    def address(self):
        return self.addresses["PLAIN"]

    @property
    def authority(self):
        """The certificate that clients have to trust."""
        return os.path.join(self.folder, "server.crt")

    def make_certificate(self):
        key = os.path.join(self.folder, "server.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", self.authority], check=True, capture_output=True)
        with open(os.path.join(self.folder, "server.pem"), "w", encoding="utf8") as both:
            for part in (key, self.authority):
                with open(part, encoding="utf8") as file:
                    both.write(file.read())

    def java(self, main, *arguments):
        return ["java", *JVM, f"-Dkafka.logs.dir={self.folder}", "-cp", f"{JARS}/*", main, *arguments]

    def format(self):
        # The tool takes a name that begins with "-" for an option.
        cluster = base64.urlsafe_b64encode(b"F" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self.config), check=True,
                       timeout=60, stdout=subprocess.DEVNULL)
        self.formatted = True

    def start(self, wait=True):
        if not self.formatted:
            self.format()
        with open(os.path.join(self.folder, "out.txt"), "ab") as out:
            self.process = subprocess.Popen(self.java("kafka.Kafka", self.config), stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, preexec_fn=die_with_parent())
        if wait:
            self.wait()
        return self

    def wait(self, timeout_s=60):
        """Until it answers questions about topics."""
        from confluent_kafka.admin import AdminClient
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        end = time.monotonic() + timeout_s
        while True:
            try:
                admin.list_topics(timeout=2)
                return
            except Exception as error:  # noqa: BLE001
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the broker does not come up: {error}\n{self.output()}") from error

    def output(self):
        with open(os.path.join(self.folder, "out.txt"), encoding="utf8", errors="replace") as file:
            return file.read()[-4000:]

    def kill(self, number=signal.SIGKILL):
        if self.adopted_pid is not None:
            pid, self.adopted_pid = self.adopted_pid, None
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            # Its parent reaps it; what matters is that it holds its ports no more.
            wait_until(lambda: not listens(self.address), 30, "the broker's end")
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    # broker.py [FILE]: a broker until it is interrupted; FILE is written when it runs, for Broker.adopted().
    ends = [signal.SIGINT, signal.SIGTERM]
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with Broker() as one:
        if len(sys.argv) > 1:
            with open(sys.argv[1] + ".new", "w", encoding="utf8") as facts:
                json.dump({"folder": one.folder, "addresses": one.addresses, "pid": one.process.pid}, facts)
            os.rename(sys.argv[1] + ".new", sys.argv[1])
        else:
            print(one.address, flush=True)
        signal.sigwait(ends)
