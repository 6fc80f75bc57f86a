"""TLS towards miners and pools, and the PROXY protocol in and out."""
import socket
import ssl
import struct
import unittest

from tests.integration.harness import (PATIENCE, Peer, RecorderCase, Tally, free_port,
                                       make_certificate, server_tls)

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


class Tls(RecorderCase):
    def setUp(self):
        super().setUp()
        self.certificate, self.key = make_certificate(self.folder, "ours")
        self.pool_certificate, self.pool_key = make_certificate(self.folder, "pool")

    def miner_side(self):
        return {"LISTEN_TLS_PORT": free_port(), "LISTEN_TLS_CERT": self.certificate,
                "LISTEN_TLS_KEY": self.key, "options": {"routes": 2}}

    def tls_pool(self):
        return self.new_pool(tls=server_tls(self.pool_certificate, self.pool_key))

    def tls_connect(self, port):
        context = ssl.create_default_context(cafile=self.certificate)
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        return self.keep(Peer(context.wrap_socket(plain, server_hostname="localhost")))

    def converse(self, miner, upstream):
        """Both ways, in large pieces, lines and single bytes, up to a proper end."""
        long_line = b'"' + b"x" * 300000 + b'"\n'
        for data in (LINE, LINE * 5000, long_line, b"[", b"]\n"):
            miner.send(data)
            self.assertEqual(upstream.read(len(data)), data)
            upstream.send(data)
            self.assertEqual(miner.read(len(data)), data)
        for peer in (miner, upstream):
            socket.socket.shutdown(peer.socket, socket.SHUT_WR)  # ssl's own forgets how to read
        miner.read_end()
        upstream.read_end()

    def check(self, recorder, miner, upstream, miner_tls, pool_tls):
        self.converse(miner, upstream)
        miner.close()
        upstream.close()
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        session = self.assert_same_streams(archive, miner, upstream)
        self.assertEqual(archive.event("opened", session)["tls"], miner_tls)
        self.assertEqual(archive.event("pool_connected", session)["tls"], pool_tls)

    def test_miner_side(self):
        pool = self.new_pool()
        recorder = self.start(pool, **self.miner_side())
        miner = self.tls_connect(recorder.ports["main-tls"])
        self.check(recorder, miner, self.keep(pool.accept()), True, False)

    def test_a_reset_behind_an_end(self):
        pool = self.tls_pool()
        recorder = self.start(POOL_HOST=f"stratum+ssl://{pool.name}",
                              POOL_TLS_CA=self.pool_certificate, **self.miner_side())
        for by in ("miner", "pool"):
            with self.subTest(by=by):
                miner = self.tls_connect(recorder.ports["main-tls"])
                upstream = self.keep(pool.accept())
                miner.send(LINE)
                self.assertEqual(upstream.read(len(LINE)), LINE)
                first, other = (miner, upstream) if by == "miner" else (upstream, miner)
                socket.socket.shutdown(first.socket, socket.SHUT_WR)
                other.read_end()
                first.reset()
                recorder.wait_sessions(0)
                closed = recorder.sessions("all")[-1]
                self.assertEqual((closed["by"], closed["reason"]), (by, "reset"))
                other.close()

    def test_the_plain_port_stays_plain(self):
        pool = self.new_pool()
        recorder = self.start(pool, **self.miner_side())
        miner, upstream = self.join(recorder, pool, port=recorder.ports["main"])
        self.check(recorder, miner, upstream, False, False)

    def test_pool_side(self):
        pool = self.tls_pool()
        recorder = self.start(POOL_HOST=f"stratum+ssl://{pool.name}",
                              POOL_TLS_CA=self.pool_certificate)
        miner, upstream = self.join(recorder, pool)
        self.check(recorder, miner, upstream, False, True)

    def test_both_sides(self):
        pool = self.tls_pool()
        recorder = self.start(POOL_HOST=f"stratum+ssl://{pool.name}",
                              POOL_TLS_CA=self.pool_certificate, **self.miner_side())
        miner = self.tls_connect(recorder.ports["main-tls"])
        self.check(recorder, miner, self.keep(pool.accept()), True, True)

    def test_pool_that_is_not_verified(self):
        pool = self.tls_pool()
        recorder = self.start(POOL_HOST=f"stratum+ssl://{pool.name}", POOL_TLS_VERIFY="false")
        miner, upstream = self.join(recorder, pool)
        self.check(recorder, miner, upstream, False, True)

    def refused(self, pool, **settings):
        """The reason why a session with that pool came to nothing."""
        recorder = self.start(**settings)
        miner = self.connect(recorder)
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            pool.accept().read(1)
        self.assertEqual(miner.read_any_end(), b"")
        recorder.wait_sessions(0)
        self.assertEqual(recorder.counters()["pool_connect_failures"], 1)
        archive = self.finish(recorder)
        self.assertEqual(archive.events("pool_connected"), [])
        by, reason = archive.closed(archive.session_of(miner.address))
        self.assertEqual(by, "hashscope")
        return reason

    def test_a_certificate_that_is_not_trusted(self):
        pool = self.tls_pool()
        reason = self.refused(pool, POOL_HOST=f"stratum+ssl://{pool.name}",
                              POOL_TLS_CA=self.certificate)
        self.assertIn("certificate", reason)

    def test_a_certificate_for_another_name(self):
        certificate, key = make_certificate(self.folder, "other", ["DNS:other.test"])
        pool = self.new_pool(tls=server_tls(certificate, key))
        reason = self.refused(pool, POOL_HOST=f"stratum+ssl://{pool.name}",
                              POOL_TLS_CA=certificate)
        self.assertIn("mismatch", reason)

    def test_a_pool_that_speaks_no_tls(self):
        pool = self.new_pool()
        recorder = self.start(POOL_HOST=f"stratum+ssl://{pool.name}", POOL_TLS_VERIFY="false")
        miner = self.connect(recorder)
        upstream = self.keep(pool.accept())
        self.assertEqual(upstream.read(2), b"\x16\x03")
        upstream.send(ANSWER)
        self.assertEqual(miner.read_any_end(), b"")
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        self.assertIn("TLS", archive.closed(archive.session_of(miner.address))[1])

    def test_a_pool_that_hangs_in_its_handshake_has_a_backup(self):
        hanging, pool = self.new_pool(), self.tls_pool()
        recorder = self.start(POOL_HOST=f"stratum+ssl://{hanging.name}",
                              POOL_BACKUPS=f"stratum+ssl://{pool.name}",
                              POOL_TLS_CA=self.pool_certificate, CONNECT_TIMEOUT_SEC=1)
        miner = self.connect(recorder).send(LINE)
        self.keep(hanging.accept())
        upstream = self.keep(pool.accept())
        self.assertEqual(upstream.read(len(LINE)), LINE)
        self.check(recorder, miner, upstream, False, True)

    def test_a_miner_that_speaks_no_tls(self):
        pool = self.new_pool()
        recorder = self.start(pool, **self.miner_side())
        miner = self.connect(recorder, recorder.ports["main-tls"]).send(LINE)
        miner.read_any_end()
        recorder.wait_sessions(0)
        self.assertFalse(pool.has_newcomer())
        archive = self.finish(recorder)
        self.assertEqual(archive.closed(archive.session_of(miner.address))[0], "miner")

    def test_a_miner_that_hangs_in_its_handshake(self):
        pool = self.new_pool()
        recorder = self.start(pool, CONNECT_TIMEOUT_SEC=1, **self.miner_side())
        miner = self.connect(recorder, recorder.ports["main-tls"]).send(b"\x16\x03\x01")
        miner.read_any_end()
        archive = self.finish(recorder)
        self.assertIn("timeout", archive.closed(archive.session_of(miner.address))[1])


V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2_header(command=1, family=0x11, body=b""):
    return V2_SIGNATURE + struct.pack(">BBH", 0x20 | command, family, len(body)) + body


def v2_tcp4(source, destination):
    (a, p), (b, q) = source, destination
    return v2_header(1, 0x11, socket.inet_aton(a) + socket.inet_aton(b) + struct.pack(">HH", p, q))


class ProxyProtocol(RecorderCase):
    def enters(self, header, says, via=True, chunks=None):
        """A miner behind a load balancer that sends this header."""
        pool = self.new_pool()
        recorder = self.start(pool, PROXY_PROTOCOL_IN="on")
        balancer = self.connect(recorder)
        data = header + LINE
        for i in range(0, len(data), chunks or len(data)):
            balancer.send(data[i:i + (chunks or len(data))])
        upstream = self.keep(pool.accept())
        self.assertEqual(upstream.read(len(LINE)), LINE)
        upstream.send(ANSWER)
        self.assertEqual(balancer.read(len(ANSWER)), ANSWER)
        archive = self.finish(recorder)
        opened, = archive.events("opened")
        self.assertEqual(opened["miner"], says or balancer.address)
        self.assertEqual(opened.get("via"), balancer.address if via else None)
        self.assertEqual(archive.stream(opened["session"], "miner_to_pool"), LINE)

    def test_v1_in(self):
        self.enters(b"PROXY TCP4 192.0.2.7 198.51.100.1 53122 3333\r\n", "192.0.2.7:53122")

    def test_v1_ipv6_in_byte_by_byte(self):
        self.enters(b"PROXY TCP6 2001:db8::7 2001:db8::1 53122 3333\r\n", "[2001:db8::7]:53122",
                    chunks=1)

    def test_v1_unknown_in(self):
        self.enters(b"PROXY UNKNOWN\r\n", None, via=False)

    def test_v2_in(self):
        self.enters(v2_tcp4(("192.0.2.7", 53122), ("198.51.100.1", 3333)), "192.0.2.7:53122")

    def test_v2_in_byte_by_byte(self):
        self.enters(v2_tcp4(("192.0.2.7", 53122), ("198.51.100.1", 3333)), "192.0.2.7:53122",
                    chunks=1)

    def test_v2_local_in(self):
        self.enters(v2_header(0, 0), None, via=False)

    def test_garbage_in_place_of_a_header(self):
        for garbage in (LINE, b"PROXY TCP4 nonsense\r\n", b"\r\n\r\n\0\r\nQUIT\n\xff" + b"\0" * 90,
                        b"PROXY " + b"x" * 200):
            with self.subTest(garbage=garbage[:20]):
                pool = self.new_pool()
                self.data_dir += "x"
                recorder = self.start(pool, PROXY_PROTOCOL_IN="on")
                self.assertEqual(self.connect(recorder).send(garbage).read_any_end(), b"")
                recorder.wait_sessions(0)
                self.assertFalse(pool.has_newcomer())
                self.assertEqual(recorder.counters()["sessions_refused"], 1)
                recorder.wait_log("expected a PROXY header|PROXY header of version")
                self.finish(recorder)

    def test_no_header_in_time(self):
        pool = self.new_pool()
        recorder = self.start(pool, PROXY_PROTOCOL_IN="on", CONNECT_TIMEOUT_SEC=1)
        self.assertEqual(self.connect(recorder).send(b"PROX").read_any_end(), b"")
        recorder.wait_sessions(0)
        self.finish(recorder)

    def leaves(self, version):
        pool = self.new_pool()
        recorder = self.start(pool, PROXY_PROTOCOL_OUT=version)
        miner, upstream = self.join(recorder, pool)
        return recorder, miner.send(LINE), upstream

    def check_out(self, recorder, miner, upstream, header):
        self.assertEqual(upstream.read(len(header) + len(LINE)), header + LINE)
        upstream.send(ANSWER)
        self.assertEqual(miner.read(len(ANSWER)), ANSWER)
        archive = self.finish(recorder)
        session = archive.session_of(miner.address)
        self.assertEqual(Tally(archive.stream(session, "miner_to_pool")), miner.sent)

    def test_v1_out(self):
        recorder, miner, upstream = self.leaves("v1")
        self.check_out(recorder, miner, upstream,
                       b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (miner.port, recorder.port))

    def test_v2_out(self):
        recorder, miner, upstream = self.leaves("v2")
        self.check_out(recorder, miner, upstream, v2_tcp4(("127.0.0.1", miner.port),
                                                          ("127.0.0.1", recorder.port)))

    def test_in_and_out(self):
        """What the balancer said is handed on to the pool."""
        pool = self.new_pool()
        recorder = self.start(pool, PROXY_PROTOCOL_IN="on", PROXY_PROTOCOL_OUT="v1")
        header = b"PROXY TCP4 192.0.2.7 198.51.100.1 53122 3333\r\n"
        self.connect(recorder).send(v2_tcp4(("192.0.2.7", 53122), ("198.51.100.1", 3333)) + LINE)
        upstream = self.keep(pool.accept())
        self.assertEqual(upstream.read(len(header) + len(LINE)), header + LINE)

    def test_in_with_tls_behind_it(self):
        certificate, key = make_certificate(self.folder, "ours")
        pool = self.new_pool()
        recorder = self.start(pool, PROXY_PROTOCOL_IN="on", LISTEN_TLS_PORT=free_port(),
                              LISTEN_TLS_CERT=certificate, LISTEN_TLS_KEY=key,
                              options={"routes": 2})
        plain = socket.create_connection(("127.0.0.1", recorder.ports["main-tls"]), PATIENCE)
        plain.sendall(b"PROXY TCP4 192.0.2.7 198.51.100.1 53122 3333\r\n")
        context = ssl.create_default_context(cafile=certificate)
        miner = self.keep(Peer(context.wrap_socket(plain, server_hostname="localhost")))
        miner.send(LINE)
        upstream = self.keep(pool.accept())
        self.assertEqual(upstream.read(len(LINE)), LINE)
        self.assertEqual(recorder.sessions()[0]["miner"], "192.0.2.7:53122")


if __name__ == "__main__":
    unittest.main()
