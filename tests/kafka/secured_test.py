"""TLS and SASL/SCRAM, with credentials and certificates that are wrong for a while."""
import unittest

from cases import TopicCase
from confluent_kafka.admin import (ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion,
                                   UserScramCredentialUpsertion)


class Secured(TopicCase):
    def set_password(self, user, password):
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        change = UserScramCredentialUpsertion(user, info, password.encode())
        self.admin.alter_user_scram_credentials([change])[user].result(10)

    def scram(self, password):
        return {"properties_security_protocol": "SASL_PLAINTEXT", "properties_sasl_mechanism": "SCRAM-SHA-256",
                "properties_sasl_username": "ann", "properties_sasl_password": password}

    def test_tls(self):
        topic = self.create_topic()
        self.produce(topic, [{"id": 1}])
        server = self.forebay()
        self.create_source(server, topic=topic, address=self.broker.addresses["TLS"],
                           properties_security_protocol="SSL", properties_ssl_ca_location=self.broker.authority)
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see(server, "SELECT * FROM v", [(1,)])

    def test_tls_with_an_unknown_certificate(self):
        topic = self.create_topic()
        self.produce(topic, [{"id": 1}])
        server = self.forebay()
        self.create_source(server, topic=topic, address=self.broker.addresses["TLS"],
                           properties_security_protocol="SSL")
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see_status(server, "waiting", "certificate")
        self.see(server, "SELECT * FROM v", [])

    def test_scram_with_a_password_that_is_wrong_for_a_while(self):
        topic = self.create_topic()
        self.produce(topic, [{"id": 1}])
        self.set_password("ann", "secret")
        server = self.forebay()
        self.create_source(server, topic=topic, address=self.broker.addresses["SCRAM"], **self.scram("right"))
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see_status(server, "waiting", "uthentication")
        self.set_password("ann", "right")
        self.see(server, "SELECT * FROM v", [(1,)])
        self.see_status(server, "running", "")

    def test_credentials_revoked_while_read(self):
        topic = self.create_topic()
        self.produce(topic, [{"id": 1}])
        self.set_password("ann", "right")
        server = self.forebay()
        self.create_source(server, topic=topic, address=self.broker.addresses["SCRAM"], **self.scram("right"))
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see(server, "SELECT * FROM v", [(1,)])
        gone = UserScramCredentialDeletion("ann", ScramMechanism.SCRAM_SHA_256)
        self.admin.alter_user_scram_credentials([gone])["ann"].result(10)
        self.broker.kill()  # so that everybody has to authenticate again
        self.broker.start()
        self.see_status(server, "waiting", "uthentication")
        self.set_password("ann", "right")
        self.produce(topic, [{"id": 2}])
        self.see(server, "SELECT * FROM v", [(1,), (2,)])


if __name__ == "__main__":
    unittest.main()
