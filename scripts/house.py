"""The plan of the house: its rooms, what each may use of the others, and their doors.

scripts/check-floors.py holds the sources to it, and docs/architecture.md shows it as a picture.

A room is a folder of C files. `uses`: the rooms whose doors it may come through; a floor is never
above another that uses it. `door`: headers that others may include. `side_door`: headers for the
rooms named there alone, which are built of the same matter. All other headers are the room's own.
"""


class Room:
    def __init__(self, uses="", door="", side_door=None, door_of_all=False):
        self.uses = uses.split()
        self.door = set(door.split())
        self.side_door = {name: set(headers.split()) for name, headers in (side_door or {}).items()}
        self.door_of_all = door_of_all  # every header is one for everybody: a box of tools

    def lets_in(self, header, visitor):
        """Whether `visitor`, another room, may include this header."""
        return (self.door_of_all or header in self.door or
                header in self.side_door.get(visitor, ()))


SEGMENT_PARTS = ("append.h bytes.h footer_write.h frame.h index.h layout.h recount.h summary.h "
                 "walk.h writer.h")

ROOMS = {
    "lib/base": Room(door_of_all=True),
    "lib/event": Room("lib/base", "connect.h listen.h local.h stream.h tls.h"),
    "lib/stratum": Room("lib/base", "frame.h job.h message.h pair.h scan.h share.h strict.h unasked.h"),
    "lib/record": Room(
        "lib/base lib/stratum", "json_slice.h line.h login.h piece.h record.h session_rules.h state_table.h"),
    "lib/ring": Room("lib/base lib/record", "ring.h"),
    "lib/segment": Room(
        "lib/base lib/stratum lib/record",
        "footer.h repair.h scan.h segment.h verify.h",
        {"lib/archive": SEGMENT_PARTS, "lib/upkeep": SEGMENT_PARTS + " footer_rebuild.h",
         "lib/query": SEGMENT_PARTS, "cli/commands": "writer.h"}),
    "lib/archive": Room(
        "lib/base lib/record lib/ring lib/segment",
        "archive.h datadir.h series_list.h series_writer.h"),
    "lib/upkeep": Room("lib/base lib/segment", "housekeeper.h retention.h"),
    "lib/query": Room(
        "lib/base lib/stratum lib/record lib/ring lib/segment", "query.h timeline.h unasked.h"),
    "lib/command": Room("lib/base lib/stratum lib/query", "arguments.h filter.h program.h"),
    "lib/export": Room(
        "lib/base lib/stratum lib/record lib/segment lib/query", "export.h mask.h"),

    "recorder": Room("lib/base lib/event lib/stratum lib/record lib/ring lib/archive lib/upkeep"),

    "exporter/import": Room(
        "lib/base lib/stratum lib/record lib/ring lib/segment lib/archive lib/command"),
    "exporter/export": Room("lib/base lib/stratum lib/command lib/export", "output.h"),
    "exporter/extcap": Room("lib/base lib/command lib/export exporter/export"),

    "api/http": Room("lib/base", "head.h hosts.h pass.h peer.h websocket_frame.h"),
    "api/access": Room("lib/base api/http", "auth.h check.h link.h token.h"),
    "api/request": Room(
        "lib/base lib/segment lib/archive lib/query api/http api/access",
        "json_out.h parameter.h reply_cache.h request.h rest.h"),
    "api/session": Room(
        "lib/base lib/stratum lib/record lib/ring lib/segment lib/archive lib/query api/request",
        "find.h json.h operator_state.h stats.h table.h"),
    "api/live": Room(
        "lib/base lib/stratum lib/ring lib/query lib/export api/request",
        "answers.h feed.h live.h message.h message_filter.h subscription.h"),
    "api/control": Room(
        "lib/base lib/event lib/stratum lib/query api/session",
        "auto_replay.h recorder_client.h recorder_watch.h"),
    "api/front": Room("lib/base lib/event api/http api/access api/live", "front.h"),
    "api/rest": Room(
        "lib/base lib/stratum lib/record lib/ring lib/segment lib/archive lib/upkeep lib/query "
        "lib/export api/http api/access api/request api/session api/live api/control api/front",
        "gate.h server.h"),
    "api": Room(
        "lib/base lib/command api/access api/request api/session api/live api/control api/front "
        "api/rest"),

    "samples/sim": Room("lib/base lib/event lib/stratum", "sim.h sim_miner.h sim_pool.h"),
    "samples/write": Room("lib/base lib/record lib/ring lib/archive samples/sim"),

    "cli/display": Room(
        "lib/base lib/stratum lib/record lib/segment lib/query lib/command lib/export",
        "output.h session_text.h show.h terminal.h verdict_text.h"),
    "cli/up": Room("lib/base lib/event lib/command", "up.h"),
    "cli/commands": Room(
        "lib/base lib/event lib/stratum lib/record lib/segment lib/query lib/command cli/display "
        "cli/up samples/sim", "command.h"),
    "cli": Room("lib/base cli/commands"),

    "scripts": Room("lib/base"),
}

# What pure rooms never include: they take bytes and give answers, and touch nothing else.
PURE = {"lib/base": {"uv.h"}, "lib/stratum": {"uv.h", "sys/socket.h", "unistd.h", "fcntl.h"},
        "lib/record": {"uv.h", "sys/socket.h", "unistd.h", "fcntl.h"}, "api/http": {"uv.h"}}

# Files that call each other in a circle; the README of their room says why that is better than
# opening it.
KNOTS = [
    "api/front/backend.c api/front/clients.c api/front/connection.c api/front/front.c "
    "api/front/requests.c",
]

# Folders that need no README: there is nothing in them that their name does not say.
UNTOLD = {"scripts"}


def floors():
    """Room -> its floor, 0 the lowest: one above the highest that it uses."""
    found = {}

    def floor(name):
        if name not in found:
            found[name] = 1 + max((floor(used) for used in ROOMS[name].uses), default=-1)
        return found[name]

    for name in ROOMS:
        floor(name)
    return found


def room_of(path):
    """The room that a file lies in; None: it lies in none."""
    folder = path.rsplit("/", 1)[0] if "/" in path else ""
    return folder if folder in ROOMS else None


def stack(folder):
    """The rooms of a folder, floor by floor from the highest, each floor a list of names without the
    folder's."""
    found = floors()
    names = [name for name in ROOMS if (name + "/").startswith(folder + "/")]
    return [[name[len(folder) + 1:] or "." for name in names if found[name] == floor]
            for floor in sorted({found[name] for name in names}, reverse=True)]


def picture():
    """The house as text. Left to right in a line, top to bottom in lib/: what a room uses comes
    behind or below it."""
    programs = dict.fromkeys(name.split("/")[0] for name in ROOMS if name not in UNTOLD)
    lines = []
    for folder in programs:
        if folder != "lib":
            line = " > ".join(" ".join(floor) for floor in stack(folder))
            lines.append(f"  {folder + '/':11}{line.replace('. > ', '')}".rstrip(" ."))
    lines.append("  " + 60 * "-")
    for number, floor in enumerate(stack("lib")):
        lines.append(f"  {'lib/' if number == 0 else '':11}" + "".join(f"{n:13}" for n in floor).rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    print(picture())
