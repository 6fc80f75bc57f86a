"""A pool that is the recorder itself: refused where the settings show it, noticed where they do not."""
import socket
import unittest

from tests.integration.harness import RecorderCase, free_port
from tests.integration.peers import Peer

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'


class Refused(RecorderCase):
    def refused(self, name, **settings):
        recorder = self.launch(settings)
        self.assertEqual(recorder.wait_exit(), 2, recorder.text())
        said = [line for line in recorder.log if "leads back to this recorder's own port" in line]
        self.assertEqual(len(said), 1, recorder.text())
        self.assertIn(name, said[0])

    def test_with_default_ports(self):
        for host in ("localhost", "127.0.0.1", "0.0.0.0", "127.1.2.3", "::ffff:127.0.0.1"):
            with self.subTest(host=host):
                self.refused("POOL_HOST", POOL_HOST=f"[{host}]" if ":" in host else host)

    def test_by_ipv6(self):
        for listen, host in (("::", "localhost"), ("::1", "localhost"), ("::1", "[::1]"),
                             ("::", "127.0.0.1")):
            with self.subTest(listen=listen, host=host):
                self.refused("POOL_HOST", POOL_HOST=host, LISTEN_HOST=listen)

    def test_as_a_backup(self):
        self.refused("POOL_HOST", POOL_HOST="pool.invalid", POOL_BACKUPS="pool2.invalid,localhost",
                     LISTEN_HOST="127.0.0.1")

    def test_with_tls(self):
        port = free_port()
        self.refused("POOL_HOST", POOL_HOST=f"stratum+ssl://localhost:{port}",
                     LISTEN_TLS_PORT=port, LISTEN_TLS_CERT="x", LISTEN_TLS_KEY="y")

    def test_a_ring_of_routes(self):
        ports = [free_port() for _ in range(3)]
        routes = ";".join(f"r{i}=127.0.0.1:{port}=pool.invalid,127.0.0.1:{ports[i - 2]}"
                          for i, port in enumerate(ports))
        self.refused("ROUTES", ROUTES=routes)

    def test_an_address_of_this_machine(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                self.skipTest("no address but loopback")
            host = probe.getsockname()[0]
        self.refused("POOL_HOST", POOL_HOST=host)


class Noticed(RecorderCase):
    def test_a_chain_of_routes_is_no_loop(self):
        pool = self.new_pool()
        first, second = free_port(), free_port()
        recorder = self.start(
            ROUTES=f"a=127.0.0.1:{first}=127.0.0.1:{second};b=127.0.0.1:{second}={pool.name}",
            options={"routes": 2})
        miner, upstream = self.join(recorder, pool, port=first)
        miner.send(LINE)
        self.assertEqual(upstream.read_line() + b"\n", LINE)
        self.assertEqual(recorder.status()["sessions_open"], 2)

    def test_a_miner_with_the_port_of_a_pool_connection_is_no_loop(self):
        """Linux gives the port of one connection to another one that leads elsewhere."""
        pool = self.new_pool()
        recorder = self.start(pool)
        _, first = self.join(recorder, pool)
        port = first.socket.getpeername()[1]
        with socket.socket() as sock:
            sock.bind(("127.0.0.2", port))
            sock.connect(("127.0.0.1", recorder.port))
            miner, upstream = Peer(sock), self.keep(pool.accept())
            miner.send(LINE)
            self.assertEqual(upstream.read_line() + b"\n", LINE)
            self.assertEqual(recorder.status()["sessions_open"], 2)

    def loop(self, recorder, port):
        """A miner is closed, one line says why, and few sessions came of it."""
        for _ in range(3):
            miner = self.connect(recorder, port=port)
            miner.read_any_end()
            miner.close()
            recorder.wait_sessions(0)
        self.assertLess(recorder.counters()["sessions_accepted"], 20)
        reasons = {session["reason"] for session in recorder.sessions("all")}
        self.assertTrue(any("is this recorder itself" in reason for reason in reasons), reasons)
        said = [line for line in recorder.log if "is this recorder itself" in line]
        self.assertLessEqual(len(said), 3)
        self.assertGreaterEqual(len(said), 1)
        archive = self.finish(recorder)
        self.assertTrue(any("is this recorder itself" in event["reason"]
                            for event in archive.events("closed")))

    def test_a_name_that_turns_out_to_be_ours(self):
        library = self.compile_library("resolver", RESOLVER)
        port = free_port()
        recorder = self.start(POOL_HOST="pool.example", POOL_PORT=port, LISTEN_PORT=port,
                              options={"environment": {"LD_PRELOAD": library}})
        self.loop(recorder, port)

    def test_a_ring_of_routes_behind_names(self):
        library = self.compile_library("resolver", RESOLVER)
        ports = [free_port() for _ in range(3)]
        routes = ";".join(f"r{i}=127.0.0.1:{port}=pool{i}.example:{ports[i - 2]}"
                          for i, port in enumerate(ports))
        recorder = self.start(ROUTES=routes, options={"routes": 3, "environment": {
            "LD_PRELOAD": library}})
        self.loop(recorder, ports[0])


RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    (void)name;
    return next("127.0.0.1", service, hints, out);
}
"""


if __name__ == "__main__":
    unittest.main()
