"""pgJDBC as a client: jdbc/Jdbc.java and jdbc/Metadata.java, which make the cases, and this, which runs them."""
import glob
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import ROOT
from support.forebay import Forebay
from support.reports import expect_reports

SOURCES = glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "jdbc", "*.java"))
DRIVER = os.path.join(ROOT, ".deps", "jdbc", "*")


class Jdbc(unittest.TestCase):
    def test_every_case(self):
        with tempfile.TemporaryDirectory(prefix="forebay-jdbc-") as classes, Forebay() as server:
            subprocess.run(["javac", "-cp", DRIVER, "-d", classes, *SOURCES], check=True)
            expect_reports(self, ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{DRIVER}", "Jdbc", str(server.port)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
