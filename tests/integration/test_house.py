"""The house's own scripts: floor rules, installation of packages, and the sum of the tests."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    return done.returncode, done.stdout


class InDirectory(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="hashscope-house-")
        self.addCleanup(shutil.rmtree, self.directory)

    def write(self, path, text, mode=0o644):
        path = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)


class Floors(InDirectory):
    """Each rule is broken once in a small tree of its own."""

    def breaches(self):
        status, output = run([sys.executable, os.path.join(ROOT, "scripts/check-floors.py"),
                              self.directory])
        self.assertEqual(status, 1 if output else 0, output)
        return output

    def setUp(self):
        super().setUp()
        for room in ("lib/base", "lib/event", "lib/stratum", "lib/record", "lib/segment", "recorder",
                     "api", "cli", "samples/sim", "lib/query"):
            self.write(f"{room}/README.md", "# what it is for\n" * 12)

    def assert_include(self, path, name, complaint):
        for header in ("lib/base/a.h", "lib/event/stream.h", "lib/event/a_private.h", "lib/event/a.h",
                       "lib/stratum/frame.h", "lib/record/record.h", "recorder/a.h", "api/a.h",
                       "samples/sim/sim.h", "lib/segment/layout.h"):
            self.write(header, "/* a.h */\n")
        self.write(path, f'/* x */\n#include {name}\n')
        if complaint:
            self.assertIn(f"{path}: {complaint}", self.breaches())
        else:
            self.assertEqual(self.breaches(), "")
        os.remove(os.path.join(self.directory, path))

    def test_a_room_comes_through_the_doors_of_what_lies_below(self):
        for path, name in (("lib/event/x.c", '"lib/base/a.h"'),
                           ("recorder/x.c", '"lib/event/stream.h"'),
                           ("lib/record/x.c", '"lib/stratum/frame.h"'),
                           ("lib/query/x.c", '"lib/segment/layout.h"'),
                           ("lib/event/x.c", '"lib/event/a_private.h"'), ("lib/event/x.c", "<uv.h>"),
                           ("tests/unit/event/x.c", '"lib/event/a_private.h"')):
            with self.subTest(path=path, name=name):
                self.assert_include(path, name, None)

    def test_a_room_uses_nothing_else(self):
        for path, name in (("lib/base/x.c", "lib/event/stream.h"),
                           ("lib/event/x.c", "lib/stratum/frame.h"),
                           ("lib/stratum/x.c", "lib/record/record.h"), ("recorder/x.c", "api/a.h"),
                           ("lib/event/x.c", "recorder/a.h"), ("samples/sim/x.c", "recorder/a.h")):
            with self.subTest(path=path, name=name):
                self.assert_include(path, f'"{name}"', f"{os.path.dirname(path)} must not include")

    def test_a_wall_has_its_doors_and_no_others(self):
        self.assert_include("recorder/x.c", '"lib/event/a.h"', "lib/event/a.h is no door of lib/event")
        self.assert_include("cli/commands/x.c", '"lib/segment/layout.h"',
                            "lib/segment/layout.h is no door of lib/segment")

    def test_includes_are_written_from_the_root_and_private_means_private(self):
        self.assert_include("lib/event/x.c", '"a.h"', '"a.h" is not a file seen from the root')
        self.assert_include("recorder/x.c", '"lib/event/a_private.h"', "lib/event/a_private.h is private")

    def test_pure_rooms_see_no_loop(self):
        self.assert_include("lib/stratum/x.c", "<uv.h>", "lib/stratum must not include <uv.h>")

    def test_every_file_lies_in_a_room(self):
        self.write("lib/attic/x.c", "/* x */\n")
        self.write("tests/unit/attic/x.c", "/* x */\n")
        self.assertEqual(self.breaches(), "lib/attic/x.c: lies in no room of scripts/house.py\n"
                                          "1 breaches in 12 files\n")

    def test_a_room_is_told_of_and_no_hall(self):
        for number in range(31):
            self.write(f"lib/ring/x{number}.c", "/* x */\n")
        output = self.breaches()
        self.assertIn("lib/ring: 31 .c files, at most 30\n", output)
        self.assertIn("lib/ring/README.md: 0 lines, expected 10 to 25\n", output)

    def write_three(self, last):
        for name, called in (("one", "two"), ("two", "three"), ("three", last)):
            self.write(f"lib/record/{name}.h", f"/* x */\nvoid record_{name}(int a);\n")
            self.write(f"lib/record/{name}.c", f'/* x */\n#include "lib/record/{called}.h"\n'
                       f"void record_{name}(int a)\n{{\n    record_{called}(a);\n}}\n")

    def test_files_call_each_other_in_no_circle(self):
        self.write("lib/record/none.h", "/* x */\nvoid record_none(int a);\n")
        self.write_three("none")
        self.assertEqual(self.breaches(), "")
        self.write_three("one")
        self.assertIn("files in a circle: lib/record/one.c lib/record/three.c lib/record/two.c\n",
                      self.breaches())

    def test_a_member_or_a_local_function_is_no_call(self):
        self.write_three("none")
        self.write("lib/record/three.c", '/* x */\n#include "lib/record/one.h"\nstruct record_one;\n'
                   "static void three(struct a *a)\n{\n    a->record_one = 1;\n}\n")
        self.assertEqual(self.breaches(), "")

    def test_headers_include_each_other_in_no_circle(self):
        self.write("lib/record/a.h", '/* x */\n#include "lib/record/b.h"\n')
        self.write("lib/record/b.h", '/* x */\n#include "lib/record/a.h"\n')
        self.assertIn("files in a circle: lib/record/a.h lib/record/b.h\n", self.breaches())

    def breaches_with_knots(self, *knots):
        """With a plan that is ours but for its knots."""
        scripts = tempfile.mkdtemp(prefix="hashscope-plan-")
        self.addCleanup(shutil.rmtree, scripts)
        for name in ("check-floors.py", "circles.py", "house.py"):
            shutil.copy(os.path.join(ROOT, "scripts", name), scripts)
        with open(os.path.join(scripts, "house.py"), "a", encoding="utf-8") as file:
            file.write(f"\nKNOTS = {list(knots)!r}\n")
        return run([sys.executable, os.path.join(scripts, "check-floors.py"), self.directory])[1]

    def test_a_knot_that_was_opened_is_struck_out(self):
        self.write("lib/event/loop.c", "/* x */\n")
        self.assertIn("no knot any more, strike it out of scripts/house.py: lib/event/loop.c\n",
                      self.breaches_with_knots("lib/event/loop.c lib/event/stream.c"))

    def test_a_knot_of_the_plan_may_stay(self):
        self.write("lib/record/none.h", "/* x */\nvoid record_none(int a);\n")
        self.write_three("one")
        self.assertEqual(
            self.breaches_with_knots("lib/record/one.c lib/record/three.c lib/record/two.c"), "")

    def test_the_picture_is_that_of_the_plan(self):
        self.write("docs/architecture.md", "# Architecture\n\n  recorder/ somewhere\n")
        self.assertIn("docs/architecture.md does not show the plan", self.breaches())

    def test_what_documents_name_is_there(self):
        self.write("lib/base/a.c", "/* x */\n")
        self.write("docs/x.md", "`lib/base/a.c` is there, `lib/base/b.c` is not\n")
        self.assertIn("docs/x.md: line 1: names lib/base/b.c, which is not there\n", self.breaches())

    def test_lengths(self):
        self.write("cli/long.c", "/* x */\n" + "int a;\n" * 500)
        self.write("cli/function.c", "/* x */\nint f(void)\n{\n" + "    a();\n" * 61 + "}\n")
        self.write("cli/fine.c", "/* x */\nint f(void)\n{\n" + "    a();\n" * 60 + "}\n")
        self.write("scripts/f.py", "def f():\n" + "    pass\n" * 60)
        output = self.breaches()
        self.assertIn("cli/long.c: 501 lines", output)
        self.assertIn("cli/function.c: line 3: 61 lines of function: int f(void)", output)
        self.assertIn("scripts/f.py: line 1: 61 lines of function: f", output)
        self.assertNotIn("fine.c", output)

    def test_names_that_do_not_belong(self):
        for line in ("/* TO" + "DO: later */", 'char *a = "/ho' + 'me/me/x";',
                     "https://reg" + "istry.example.org/x", "open ../sha" + "red/x"):
            with self.subTest(line=line):
                self.write("cli/x.c", f"/* x */\n{line}\n")
                self.assertIn("cli/x.c: line 2: names", self.breaches())

    def test_a_c_file_says_what_it_is(self):
        self.write("cli/x.c", "int a;\n")
        self.assertIn("cli/x.c: must open with a comment", self.breaches())


class InstallDependencies(InDirectory):
    """The script among stand-ins for dpkg-query, apt-get, id and sudo that write down their calls."""

    TOOLS = ("sh", "sed", "awk", "tr", "cut", "env", "cat", "mkdir", "dirname", "tail", "seq")

    def setUp(self):
        super().setUp()
        os.mkdir(os.path.join(self.directory, "bin"))
        self.log = os.path.join(self.directory, "logs/install.log")
        for tool in self.TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.directory, "bin", tool))
        self.stand_in("id", "echo 0")
        self.stand_in("apt-get", f'echo "$@" >> {self.directory}/calls')
        self.installed("")

    def stand_in(self, name, body):
        self.write(f"bin/{name}", f"#!/bin/sh\n{body}\n", 0o755)

    def installed(self, names):
        lines = "".join(f"{name} installed\n" for name in names.split())
        self.write("installed", lines)
        self.stand_in("dpkg-query", f"cat {self.directory}/installed; exit 1")

    def install(self, *purposes):
        return run([os.path.join(ROOT, "scripts/install-deps.sh"), *purposes],
                   env={"PATH": os.path.join(self.directory, "bin"), "INSTALL_LOG": self.log})

    @staticmethod
    def needed(purpose):
        """Packages, as the script's table has them."""
        with open(os.path.join(ROOT, "scripts/install-deps.sh"), encoding="utf-8") as file:
            return re.findall(rf"^{purpose} +(\S+)", file.read(), re.M)

    def calls(self):
        try:
            with open(os.path.join(self.directory, "calls"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_only_what_is_missing_is_installed_and_said(self):
        missing = {"libjansson-dev", "libzstd-dev"}
        self.installed(" ".join(name for name in self.needed("build") if name not in missing))
        status, output = self.install("build")
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"libzstd-dev +compression")
        self.assertNotIn("libuv1-dev", output)
        self.assertIn("install --no-install-recommends libjansson-dev libzstd-dev\n", self.calls())

    def test_nothing_is_done_when_all_is_there(self):
        self.installed(" ".join(self.needed("build")))
        self.assertEqual(self.install("build"), (0, ""))
        self.assertEqual(self.calls(), "")

    def test_a_package_of_two_purposes_is_installed_once(self):
        self.install("test", "bench")
        self.assertEqual(self.calls().split("\n")[1].split().count("python3"), 1)

    def test_sudo_is_used_when_not_root(self):
        self.stand_in("id", "echo 1000")
        self.stand_in("sudo", f'echo sudo >> {self.directory}/calls; "$@"')
        self.stand_in("true", ":")
        self.assertEqual(self.install("build")[0], 0)
        self.assertIn("sudo\n-q update\nsudo\n", self.calls())

    def test_without_root_and_sudo_it_says_what_to_do(self):
        self.stand_in("id", "echo 1000")
        status, output = self.install("build")
        self.assertEqual(status, 1)
        self.assertIn("apt-get install gcc", output)
        self.assertEqual(self.calls(), "")

    def test_what_it_says_is_short_and_the_rest_in_a_log(self):
        self.stand_in("apt-get", "seq 5000; seq 5000 >&2")
        status, output = self.install("build")
        self.assertEqual(status, 0)
        self.assertEqual(output.count("\n"), 1 + len(self.needed("build")))  # a line each, no more
        with open(self.log, encoding="utf-8") as file:
            self.assertEqual(file.read().count("\n5000\n"), 4)

    def test_a_failed_installation_is_a_failure_and_names_its_log(self):
        self.stand_in("apt-get", 'seq 50; echo "E: no room"; [ "$2" = update ]')
        status, output = self.install("build")
        self.assertEqual(status, 1)
        self.assertIn("could not install", output)
        self.assertIn("\nE: no room\n", output)
        self.assertNotIn("\n20\n", output)
        self.assertIn(self.log, output)

    def test_an_unknown_purpose_is_refused(self):
        self.assertEqual(self.install("nonsense"), (1, "install-deps: no such purpose: nonsense\n"))

    def test_another_system_is_left_alone(self):
        os.remove(os.path.join(self.directory, "bin/apt-get"))
        status, output = self.install("build")
        self.assertEqual(status, 0)
        self.assertIn("not Debian", output)


class Quiet(InDirectory):
    """What says thousands of lines says one, and its end when it fails."""

    def quiet(self, body, message="Working"):
        self.write("work", f"#!/bin/sh\n{body}\n", 0o755)
        self.log = os.path.join(self.directory, "logs/work.log")
        return run([os.path.join(ROOT, "scripts/quiet.sh"), self.log, message,
                    os.path.join(self.directory, "work")])

    def logged(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def test_one_line_stands_for_all(self):
        self.assertEqual(self.quiet("echo one; echo two >&2"), (0, "Working\n"))
        self.assertEqual(self.logged(), "one\ntwo\n")

    def test_who_says_nothing_is_not_mentioned(self):
        self.assertEqual(self.quiet("true"), (0, ""))

    def test_without_a_message_nothing_is_said(self):
        self.assertEqual(self.quiet("echo one", ""), (0, ""))

    def test_a_failure_shows_the_end_and_where_the_rest_is(self):
        status, output = self.quiet("seq 100; exit 7")
        self.assertEqual(status, 7)
        self.assertIn("\n100\nfailed: ", output)
        self.assertNotIn("\n50\n", output)
        self.assertIn(self.log, output)
        self.assertEqual(self.logged().count("\n"), 100)
        self.assertEqual(self.quiet("exit 7")[0], 7)


class Make(InDirectory):
    """What the first and the only words of a second `make run` would be, if there were any."""

    def test_a_ui_that_is_there_is_not_mentioned(self):
        page = os.path.join(self.directory, "index.html")
        self.write("index.html", "")
        status, output = run(["make", "-C", ROOT, "--no-print-directory", f"UI_PAGE={page}", "-o", page,
                              "ui"])
        self.assertEqual((status, output), (0, ""))


class Sum(InDirectory):
    """The runner over tests that pass, fail, skip, die and say nothing."""

    def run_tests(self, unit=(), integration=()):
        for name, body in unit:
            self.write(f"tests/unit/room/{name}_test.c", "")
            self.write(f"build/tests/unit/room/{name}_test", f"#!/bin/sh\n{body}\n", 0o755)
        for name, body in integration:
            self.write(f"tests/integration/test_{name}.py", "import unittest, time, os, subprocess\n"
                       f"class T(unittest.TestCase):\n    def test_it(self):\n        {body}\n")
        status, output = run([sys.executable, os.path.join(ROOT, "scripts/run-tests.py"), "--limit", "5",
                              "unit", "integration"], cwd=self.directory)
        return status, output.rstrip().split("\n")[-1], output

    def test_everything_is_summed(self):
        status, last, output = self.run_tests(
            unit=[("a", "echo '100%: Checks: 3, Failures: 0, Errors: 0'"),
                  ("b", "echo '50%: Checks: 4, Failures: 1, Errors: 1'; echo why it failed; exit 1")],
            integration=[("c", "pass"), ("d", "self.skipTest('no')"), ("e", "self.fail('because')")])
        self.assertEqual((status, last), (1, "6 passed, 3 failed, 1 skipped"))
        self.assertIn("| why it failed", output)
        self.assertIn("because", output)

    def test_all_passed(self):
        self.assertEqual(self.run_tests(integration=[("c", "pass")])[:2], (0, "1 passed, 0 failed"))

    def test_nothing_ran_is_a_failure(self):
        self.assertEqual(self.run_tests()[:2], (1, "0 passed, 0 failed"))

    def test_a_test_that_dies_or_says_nothing_failed(self):
        status, last, _ = self.run_tests(unit=[("a", "kill -9 $$"), ("b", "true"), ("c", "exit 1"), (
            "d", "echo '100%: Checks: 1, Failures: 0, Errors: 0'; exit 1")])
        self.assertEqual((status, last), (1, "1 passed, 4 failed"))

    def test_a_test_that_hangs_failed(self):
        status, last, output = self.run_tests(unit=[("a", "sleep 100")])
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        self.assertIn("still running after 5", output)

    def test_a_process_left_behind_is_a_failure(self):
        body = "subprocess.Popen(['sleep', '100'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)"
        status, last, output = self.run_tests(integration=[("a", body)])
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))
        self.assertIn("left processes behind", output)

    def test_what_a_sanitizer_says_of_any_process_is_a_failure(self):
        """In a grandchild of the test, that nobody looks at."""
        self.write("fault.c", "int main(int count, char **names)\n"
                   "{ int big = 2147483647; char heap[2]; char *volatile at = heap;\n"
                   "  return names[1][0] == 'u' ? big + count : at[count + 1]; }\n")
        program = os.path.join(self.directory, "fault")
        status, output = run(["gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                              "-static-libasan", "-static-libubsan", "-o", program, program + ".c"])
        self.assertEqual(status, 0, output)
        for kind, said in (("undefined", "signed integer overflow"), ("address", "stack-buffer-overflow")):
            with self.subTest(kind=kind):
                body = f"subprocess.run(['sh', '-c', '{program} {kind}; true'], check=True, " \
                       "stderr=subprocess.DEVNULL)"
                status, last, output = self.run_tests(integration=[("a", body)])
                self.assertEqual((status, last), (1, "0 passed, 1 failed"), output)
                self.assertIn(said, output)


if __name__ == "__main__":
    unittest.main()
