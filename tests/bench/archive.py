"""What a recorder left on disk, read with nothing but the zstd program."""
import json
import os
import subprocess

KEYS_END = 200  # the keys in front of a line's message stand within so many bytes


class ArchiveDamaged(Exception):
    pass


def segment_files(data_dir):
    found = []
    for folder, _, names in os.walk(os.path.join(data_dir, "segments")):
        found += [os.path.join(folder, name) for name in names
                  if name.endswith((".ndjson.zst", ".ndjson.zst.open"))]
    return sorted(found)


def count_lines(lines, counts):
    """Messages have a "dir"; a gap says how many it stands for."""
    for line in lines:
        counts["lines"] += 1
        if line.find(b'"dir":"', 0, KEYS_END) >= 0:
            counts["messages"] += 1
        elif line.find(b'"event":"gap"', 0, KEYS_END) >= 0:
            counts["gaps"] += 1
            counts["lost"] += int(json.loads(line).get("lost", 0))


def measure(data_dir):
    """Size of all segments, the lines in them, and bytes per message with everything included."""
    counts = {"files": 0, "unsealed": 0, "bytes": 0, "lines": 0, "messages": 0, "gaps": 0, "lost": 0}
    for path in segment_files(data_dir):
        counts["files"] += 1
        counts["unsealed"] += path.endswith(".open")
        counts["bytes"] += os.path.getsize(path)
        with subprocess.Popen(["zstd", "-dcq", "--", path], stdout=subprocess.PIPE) as reader:
            count_lines(reader.stdout, counts)
        if reader.returncode != 0:
            raise ArchiveDamaged("zstd -dc %s: status %d" % (path, reader.returncode))
    counts["bytes_per_message"] = counts["bytes"] / counts["messages"] if counts["messages"] else 0.0
    return counts
