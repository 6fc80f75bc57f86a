#!/usr/bin/env python3
"""Runs the tests side by side and sums them up in one last line: "N passed, N failed".

Unit tests are programs made with the check library (BUILD/tests/unit/ROOM/*_test), integration tests are
python unittest files (tests/*/test_*.py). Each runs in a process of its own, as many at a
time as there are processors; its output is shown when something failed. The programs under test are
named to the integration tests by HASHSCOPE_BUILD, the build directory. A test that dies, hangs or
says nothing counts as one failure, and so does one that leaves processes behind or in which any
process was told off by a sanitizer: each file's processes report to a folder of its own, which has to
be empty at its end, so that nothing depends on who looked at whose exit status. Exit status 0 only if
something ran and nothing failed.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

UNIT_RESULT = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
RAN = re.compile(r"^Ran (\d+) tests? in ", re.M)
TAIL_COUNT = re.compile(r"(failures|errors|skipped|unexpected successes)=(\d+)")
SHOWN_AGAIN, LINES_AGAIN = 3, 30  # failures, and lines of each, before the sum
# These begin first, so that the last processor is not left alone with one of them: half a minute and
# more, some of them under a sanitizer only. What is missing here costs time, nothing else.
LONG = ("segment/damage_test upkeep/recompress_test query/live_test archive/recover_test "
        "archive/thread_test segment/footer_test query/archive_test test_ui_live "
        "test_recorder_endings test_recorder_signals test_recorder_disk test_recorder_bounds "
        "test_export test_recorder_steps test_recorder_rewriting test_export_streams").split()
LEFT_BEHIND = "\nleft processes behind\n"
GRACE = 10  # seconds, for processes that are ending when their test has ended


class Result:
    def __init__(self, name, passed=0, failed=0, skipped=0, output="", seconds=0.0):
        self.name, self.output, self.seconds = name, output, seconds
        self.passed, self.failed, self.skipped = passed, failed, skipped


def count_unit(output):
    """Counts of a check program: passed, failed, skipped; None when it printed no summary."""
    found = UNIT_RESULT.findall(output)
    if not found:
        return None
    checks, failures, errors = (sum(column) for column in zip(*(map(int, f) for f in found)))
    return checks - failures - errors, failures + errors, 0


def count_unittest(output):
    """The same of a python unittest run."""
    ran = RAN.findall(output)
    if not ran:
        return None
    tail = dict(TAIL_COUNT.findall(output.rstrip().rsplit("\n", 1)[-1]))
    failed = sum(int(tail.get(k, 0)) for k in ("failures", "errors", "unexpected successes"))
    skipped = int(tail.get("skipped", 0))
    return max(int(ran[-1]) - failed - skipped, 0), failed, skipped


def is_group_gone(group, seconds):
    """Children that are ending already get this long."""
    until = time.monotonic() + seconds
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.01)


def run_process(command, environment, limit):
    """Output and exit status; whatever it started is gone afterwards."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        status = process.returncode
        note = "" if status >= 0 else f"\nkilled by signal {-status}\n"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status, note = -1, f"\nstill running after {limit} s: killed\n"
    if not is_group_gone(process.pid, GRACE):
        os.killpg(process.pid, signal.SIGKILL)
        note += LEFT_BEHIND
    return output.decode(errors="replace") + note, status


def report_to(environment, folder):
    """The environment in which sanitizers write what they find to files of that folder."""
    def with_path(options):
        return f"{options}:log_path={folder}/report"
    return {name: with_path(value) if name.endswith("SAN_OPTIONS") else value
            for name, value in environment.items()}


def read_reports(folder):
    parts = []
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        with open(path, encoding="utf-8", errors="replace") as file:
            parts.append(f"\nreport of a sanitizer:\n{file.read()}")
    return "".join(parts)


def run_one(name, command, environment, count, limit):
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hashscope-reports-") as folder:
        output, status = run_process(command, report_to(environment, folder), limit)
        reports = read_reports(folder)
    counts = count(output)
    passed, failed, skipped = counts if counts else (0, 1, 0)
    if reports and failed == 0:
        passed, failed = max(passed - 1, 0), 1
    output += reports
    if status != 0 and failed == 0:
        failed = 1
    if failed == 0 and LEFT_BEHIND in output:
        failed = 1
    return Result(name, passed, failed, skipped, output, time.monotonic() - start)


def sanitizer_prefix(build):
    """Sanitizers of these compilers fail where the kernel shuffles addresses by more than 28 bits."""
    try:
        with open("/proc/sys/vm/mmap_rnd_bits", encoding="ascii") as file:
            shuffled = int(file.read()) > 28
    except (OSError, ValueError):
        shuffled = False
    wanted = shuffled and "/sanitize-" in build and shutil.which("setarch")
    return ["setarch", "-R"] if wanted else []


def unit_jobs(build, environment, limit):
    prefix = sanitizer_prefix(build)
    folder = os.path.join(build, "tests/unit")
    for path in sorted(glob.glob(os.path.join(folder, "*/*_test"))):
        name = os.path.relpath(path, folder)
        if os.path.exists(f"tests/unit/{name}.c"):
            yield (name, prefix + [path], environment, count_unit, limit)


def integration_jobs(build, environment, limit):
    prefix = sanitizer_prefix(build)  # what a test starts inherits it
    for path in sorted(glob.glob("tests/*/test_*.py")):
        module = path[:-3].replace("/", ".")
        yield (module.rsplit(".", 1)[-1], prefix + [sys.executable, "-m", "unittest", module],
               environment, count_unittest, limit)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", help="build directory of the programs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tests at a time")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one file may take")
    parser.add_argument("--only", default="", help="run only files with one of these words in "
                        "their name")
    parser.add_argument("--without", default="", help="and none with one of these")
    parser.add_argument("kinds", nargs="+", choices=["unit", "integration"])
    return parser.parse_args()


def test_environment(build):
    """Settings of the caller, all named in env.example, must not reach the programs under test."""
    try:
        with open("env.example", encoding="utf-8") as file:
            settings = set(re.findall(r"^#([A-Z0-9_]+)=", file.read(), re.M))
    except FileNotFoundError:
        settings = set()
    hidden = settings | {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment["HASHSCOPE_BUILD"] = os.path.abspath(build)
    environment.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    environment.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment


def report(result):
    counts = f"{result.passed} passed"
    counts += f", {result.failed} FAILED" if result.failed else ""
    counts += f", {result.skipped} skipped" if result.skipped else ""
    print(f"  {result.name:32} {counts:28} {result.seconds:6.1f} s", flush=True)
    if result.failed:
        print("".join(f"    | {line}\n" for line in result.output.rstrip().split("\n")), flush=True)


def recall(failures):
    """What failed, once more where a long log ends: the names, then how the first few ended."""
    for result in failures[:SHOWN_AGAIN]:
        lines = result.output.rstrip().split("\n")[-LINES_AGAIN:]
        print(f"\n{result.name}, its last lines:")
        print("".join(f"    | {line}\n" for line in lines), end="")
    if failures:
        print("\nfailed: " + " ".join(result.name for result in failures))


def main():
    arguments = parse_arguments()
    environment = test_environment(arguments.build)
    jobs = []
    if "unit" in arguments.kinds:
        jobs += unit_jobs(arguments.build, environment, arguments.limit)
    if "integration" in arguments.kinds:
        jobs += integration_jobs(arguments.build, environment, arguments.limit)
    only, leave_out = arguments.only.split() or [""], arguments.without.split()
    jobs = [job for job in jobs if any(word in job[0] for word in only)
            and not any(word in job[0] for word in leave_out)]
    jobs.sort(key=lambda job: LONG.index(job[0]) if job[0] in LONG else len(LONG))
    results = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=arguments.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(run_one, *j) for j in jobs]):
            results.append(future.result())
            report(results[-1])
    recall([r for r in results if r.failed])
    passed, failed, skipped = (sum(getattr(r, k) for r in results)
                               for k in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
