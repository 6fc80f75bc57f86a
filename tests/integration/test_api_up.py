"""`hashscope up` and the API: it comes along, its link opens it, it is started again when it dies."""
import json
import os
import re
import signal
import socket
import stat
import unittest
import urllib.request

from tests.integration.api_process import read_all, split_answer
from tests.integration.archive import Archive
from tests.integration.front import FrontCase
from tests.integration.harness import free_port, wait_until


class UpTest(FrontCase):
    def start_up(self, *arguments):
        return self.spawn("up", "--listen-host", "127.0.0.1", "--listen-port", 0, "--ring-bytes",
                          "32M", *arguments)

    def find_api(self):
        for pid in self.processes_here():
            try:
                if os.readlink(f"/proc/{pid}/exe").endswith("/hashscope-api"):
                    return pid
            except OSError:
                continue
        return None

    def open_link(self, port, token):
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(f"GET /?token={token} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            return split_answer(read_all(sock))

    def test_the_link_is_printed_and_opens_it(self):
        up = self.start_up("--api-host", "0.0.0.0")
        up.wait_text("is up")
        up.wait_text("Ctrl-C")
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{48})\n", up.text())
        self.assertIsNotNone(found, up.text())
        status, head, _ = self.open_link(int(found[1]), found[2])
        self.assertEqual(status, 303)
        self.assertIn("Set-Cookie: hashscope-", head)
        token = os.path.join(self.data_dir, "api-token")
        self.assertEqual(stat.S_IMODE(os.stat(token).st_mode), 0o600)
        for folder, _, names in os.walk(os.path.join(self.data_dir, "logs")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.assertNotIn(found[2], file.read(), name)
        self.assertEqual(up.stop(), 0)

    def test_it_is_started_again(self):
        port = free_port()
        up = self.start_up("--api-port", port)
        up.wait_text("is up")
        first = wait_until(self.find_api, "the API runs")
        os.kill(first, signal.SIGKILL)
        up.wait_text("the API ended by signal 9, starting it again")
        self.assertNotEqual(wait_until(self.find_api, "the API runs again"), first)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, "the API listens again")
        self.assertEqual(up.stop(), 0)

    def test_a_ring_that_is_cut_short_costs_a_moment(self):
        """Whoever is at it ends with a word and is started again: shares are recorded, and the API
        shows them."""
        port = free_port()
        up = self.start_up("--api-port", port, "--listen-port", free_port())

        def submits():
            return sum('"mining.submit"' in line for line in up.out)

        def newest():
            """The number of the newest message that the API has; 0: it does not answer."""
            try:
                asked = f"http://127.0.0.1:{port}/api/messages?source=live&limit=1"
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    items = json.load(answer)["items"]
                return items[0]["seq"] if items else 0
            except (OSError, ValueError, IndexError):
                return 0

        def status():
            code, out, _ = self.run_front("status")
            return json.loads(out) if code == 0 else {"pid": 0}
        wait_until(submits, "it records")
        wait_until(newest, "the API answers")
        first = status()["pid"]
        os.truncate(os.path.join(self.data_dir, "live/ring"), 4096)
        up.wait_text("the recorder ended with exit code 3, starting it again")
        wait_until(lambda: status()["pid"] not in (0, first), "the recorder is back")
        last = status()["last_seq"]
        wait_until(lambda: newest() > last, "the API follows it", 30)
        seen = submits()
        wait_until(lambda: submits() > seen, "shares are shown", 30)
        self.assertEqual(up.stop(), 0, up.text())
        self.assertIn("live/ring was cut short", up.text())
        archive = Archive(self.data_dir)
        gap, = archive.events("gap")
        self.assertTrue(any(line.get("seq", 0) > gap["seq"] and line.get("dir") == "miner_to_pool"
                            and b"submit" in line.content for line in archive.lines))

    def with_taken(self, flag):
        """It comes up although another program has that port; what it says about it."""
        taken = self.keep(socket.socket())
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = self.start_up(flag, port)
        wait_until(lambda: any('"mining.submit"' in line for line in up.out), "it records")
        name = flag.strip("-").upper().replace("-", "_")
        self.assertIn(f"port {port} on 127.0.0.1 is in use by another program; choose another "
                      f"with {flag} (or {name} in .env)\n", up.text())
        return up

    def test_a_taken_api_port_is_said_and_costs_no_recording(self):
        up = self.with_taken("--api-port")
        self.assertIn("  NO web pages and no API ", up.text())
        self.assertIsNone(self.find_api())
        self.assertEqual(up.stop(), 0)
        self.assertTrue(any(line.get("event") == "closed" for line in self.read_archive().lines))

    def test_a_taken_ui_port_is_said_and_leaves_the_pages_on_the_other(self):
        up = self.with_taken("--ui-port")
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", up.text())[1])
        self.assertNotIn("(UI_PORT)", up.text())
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\n"
                         "Connection: close\r\n\r\n".encode())
            self.assertEqual(split_answer(read_all(sock))[0], 200)
        self.assertEqual(up.stop(), 0)

    def test_a_link_for_other_machines_and_the_second_port_are_told(self):
        up = self.start_up("--api-host", "0.0.0.0")
        up.wait_text("Ctrl-C")
        own = re.search(r"  web pages and API +http://127\.0\.0\.1(:\d+/\?token=\w+)\n", up.text())
        self.assertIsNotNone(own, up.text())
        addresses = re.search(r"    from another machine +(.+)\n", up.text())[1]
        for link in addresses.split(" or ") if "://" in addresses else ():
            self.assertRegex(link, rf"^http://[\d.]+{re.escape(own[1])}$")
            self.assertNotIn("127.0.0.1", link)
        second = re.search(r"    the pages again +port (\d+) \(UI_PORT\)\n", up.text())
        with socket.create_connection(("127.0.0.1", int(second[1])), 10):
            pass
        self.assertIn("--listen-port, --api-port, --ui-port choose others", up.text())
        self.assertEqual(up.stop(), 0)


if __name__ == "__main__":
    unittest.main()
