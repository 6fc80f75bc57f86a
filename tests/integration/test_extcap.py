"""HashScope inside Wireshark: what `hashscope wireshark` installs, and captures through tshark -i.

tshark takes extcap programs from WIRESHARK_EXTCAP_DIR only when it does not run as root, so it runs
as nobody where the tests run as root.
"""
import os
import shutil
import signal
import subprocess
import time
import unittest

from tests.integration.archive import Archive
from tests.integration.harness import (PATIENCE, RecorderCase, bare_environment, program,
                                       wait_until)
from tests.integration.test_samples import CAPTURES
from tests.integration.wireshark import home_environment

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


class Installed(RecorderCase):
    """A home in which everything is installed, readable to whoever runs tshark."""

    def setUp(self):
        super().setUp()
        self.home = os.path.join(self.folder, "home")
        self.plugins = os.path.join(self.home, ".local/lib/wireshark/plugins")
        self.extcap = os.path.join(self.home, ".local/lib/wireshark/extcap")
        self.wrapper = AS_NOBODY if os.getuid() == 0 else []
        os.makedirs(self.home)
        self.open_to_all()

    def open_to_all(self):
        for directory, _, names in os.walk(self.folder):
            os.chmod(directory, 0o777 if directory.startswith(self.home) else 0o755)
            for name in names:
                if ".zst" in name or directory.endswith("live"):
                    os.chmod(os.path.join(directory, name), 0o644)

    def environment(self):
        return {**home_environment(self.home), "WIRESHARK_EXTCAP_DIR": self.extcap}

    def hashscope(self, *arguments):
        return subprocess.run([*self.wrapper, program("hashscope"), "wireshark", *arguments],
                              env=self.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE * 3)

    def install(self):
        done = self.hashscope("install")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.open_to_all()
        return done.stdout

    def tshark(self, interface, *arguments, **options):
        words = [word for name, value in options.items()
                 for word in ("-o", f"extcap.{interface}.{name}:{value}")]
        return subprocess.Popen([*self.wrapper, "tshark", "-l", "-i", interface, *words, *arguments],
                                env=self.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, cwd=self.home)


class Install(Installed):
    def test_install_check_uninstall(self):
        before = self.hashscope("check")
        self.assertEqual(before.returncode, 1, before.stdout)
        self.assertIn("not installed", before.stdout)
        self.install()
        self.install()  # again, over its own
        done = self.hashscope("check")
        self.assertIn(f"dissector  loaded from {self.plugins}/stratum.lua", done.stdout)
        self.assertIn(f"loaded from {self.extcap}/hashscope-extcap", done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.hashscope("uninstall").returncode, 0)
        self.assertEqual((os.listdir(self.plugins), os.listdir(self.extcap)), ([], []))
        self.assertEqual(self.hashscope("uninstall").returncode, 0)

    def test_files_of_others_stay(self):
        for folder, name in ((self.plugins, "stratum.lua"), (self.extcap, "hashscope-extcap")):
            os.makedirs(folder)
            path = os.path.join(folder, name)
            with open(path, "w", encoding="ascii") as file:
                file.write("-- mine\n")
            for action in ("install", "uninstall"):
                done = self.hashscope(action)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"{path}: is not HashScope's", done.stderr)
            with open(path, encoding="ascii") as file:
                self.assertEqual(file.read(), "-- mine\n")
            shutil.rmtree(folder)
        self.assertFalse(os.path.exists(self.plugins))

    def test_misuse(self):
        for arguments in ((), ("remove",), ("install", "check"), ("--nonsense",)):
            self.assertEqual(self.hashscope(*arguments).returncode, 2, arguments)


class Questions(RecorderCase):
    def ask(self, *arguments, code=0):
        done = subprocess.run([program("hashscope-extcap"), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, cwd=self.folder,
                              env=bare_environment(), timeout=PATIENCE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def test_interfaces(self):
        text = self.ask("--extcap-interfaces", "--extcap-version=4.0")
        self.assertEqual(text.count("interface {value=hashscope_"), 2)
        for name in ("hashscope_live", "hashscope_archive"):
            self.assertIn("dlt {number=101}", self.ask("--extcap-interface", name, "--extcap-dlts"))
        self.ask("--extcap-interface", "eth0", "--extcap-dlts", code=2)
        self.ask(code=2)

    def test_options_and_sessions(self):
        folder = os.path.join(CAPTURES, "reconnect")
        text = self.ask("--extcap-interface", "hashscope_archive", "--extcap-config",
                        "--data-dir", folder)
        for option in ("data-dir", "session", "worker", "sides", "mask-passwords", "since", "until"):
            self.assertIn(f"{{call=--{option}}}", text)
        self.assertIn(f"{{default={os.path.realpath(folder)}}}", text)
        self.assertEqual(text.count("192.0.2.57:5031"), 2)
        again = self.ask("--extcap-interface", "hashscope_archive", "--extcap-config",
                         "--extcap-reload-option", "session", "--data-dir", folder)
        self.assertEqual(again.count("value {arg=1}"), 3)
        self.assertNotIn("call=", again)

    def test_capture_filters_are_checked(self):
        for expression, good in (("tcp port 3333", True), ("tcp porrt 3333", False)):
            text = self.ask("--extcap-interface", "hashscope_live", "--extcap-capture-filter",
                            expression)
            self.assertEqual(text == "", good, text)

    def test_an_archive_that_is_not_there(self):
        self.ask("--extcap-interface", "hashscope_archive", "--capture", "--fifo", "/dev/null",
                 "--data-dir", "nowhere", code=1)


class Captures(Installed):
    def setUp(self):
        super().setUp()
        self.install()

    def read(self, *arguments, **options):
        tshark = self.tshark("hashscope_archive", *arguments, **options)
        output, _ = tshark.communicate(timeout=PATIENCE * 3)
        self.assertEqual(tshark.returncode, 0)
        return output.decode().splitlines()

    def test_archive(self):
        data_dir = shutil.copytree(os.path.join(CAPTURES, "reconnect"),
                                   os.path.join(self.folder, "reconnect"))
        self.open_to_all()
        rows = self.read("-T", "fields", "-e", "tcp.stream", "-e", "stratum.method",
                         datadir=data_dir)
        self.assertEqual({row.split("\t")[0] for row in rows}, {"0", "1"})
        self.assertEqual(sum("mining.subscribe" in row for row in rows), 2)
        late = self.read("-T", "fields", "-e", "tcp.stream", datadir=data_dir,
                         since="2025-11-22T08:26:53Z")
        self.assertTrue(0 < len(late) < len(rows))
        session = subprocess.run(
            [program("hashscope"), "ls", "--json", "--data-dir", data_dir], check=True,
            stdout=subprocess.PIPE, text=True, env=bare_environment()).stdout
        session = session.split('"session":"')[1][:36]
        some = self.read("-T", "fields", "-e", "tcp.stream", datadir=data_dir, session=session)
        self.assertEqual(set(some), {"0"})
        self.assertTrue(0 < len(some) < len(rows))
        both = self.read("-T", "fields", "-e", "frame.interface_name", datadir=data_dir,
                         sides="both")
        self.assertGreater(len(both), len(rows) * 1.5)

    def test_live_while_miners_mine(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        wait_until(lambda: Archive.find(self.data_dir), "there is a segment file")
        self.open_to_all()
        tshark = self.tshark("hashscope_live", "-T", "fields", "-e", "stratum.id",
                             "-Y", "stratum.id", "-o", f"stratum.ports:{pool.port}",
                             datadir=self.data_dir)
        self.addCleanup(tshark.stdout.close)
        self.addCleanup(tshark.kill)
        wait_until(lambda: self.extcaps(), "the extcap program runs")
        seen, number = [], 0
        deadline = time.monotonic() + PATIENCE
        os.set_blocking(tshark.stdout.fileno(), False)
        while len(seen) < 10 and time.monotonic() < deadline:
            number += 1
            miner.send(b'{"id":%d,"method":"mining.submit","params":[]}\n' % number)
            upstream.read_line()
            seen += (tshark.stdout.read() or b"").decode().split()
            time.sleep(0.05)
        self.assertGreaterEqual(len(seen), 10)
        self.assertEqual(seen, [str(int(seen[0]) + i) for i in range(len(seen))])
        tshark.send_signal(signal.SIGINT)
        os.set_blocking(tshark.stdout.fileno(), True)
        tshark.communicate(timeout=PATIENCE)
        wait_until(lambda: not self.extcaps(), "the extcap program has ended")
        self.finish(recorder)

    def extcaps(self):
        """Processes that capture from this test's data directory."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"hashscope-extcap") and self.data_dir.encode() in words:
                found.append(int(name))
        return found


if __name__ == "__main__":
    unittest.main()
