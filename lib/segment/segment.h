/*
 * segment.h - reading segment files in order: every line, checked, with its place.
 *
 * Works on sealed, open (still being written) and torn files alike: gives all whole lines of all
 * frames that are intact, then says how the file ends. Memory: a frame's window and one line.
 * Threads: one at a time per reader.
 */
#ifndef HASHSCOPE_SEGMENT_SEGMENT_H
#define HASHSCOPE_SEGMENT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/record/record.h"

struct segment_reader;

struct segment_head {
    uint32_t version;
    uint32_t generation; /* 0 as recorded, one more each time the file was rewritten smaller */
    uint64_t instance;
    uint64_t number;
    int64_t start_wall_ns, start_mono_ns;
    uint32_t flags;   /* SEGMENT_SPARSE */
    uint32_t padding; /* 0: heads are compared as they lie */
};

/* Numbers were taken over from the series that a capture came from: those that no line has were not
 * in the capture, and are not missing. */
#define SEGMENT_SPARSE 1u

/* One line, taken apart as far as every line has it; spans into the line, valid until the next
 * call. `seq` stands for `at` in gap, state and other lines without a number of their own. */
struct segment_line {
    struct span text; /* without its newline */
    uint64_t seq;
    bool numbered;
    int64_t wall_ns; /* microseconds' precision */
    struct span session;
    struct span event; /* "opened" …; empty on messages */
    enum direction direction;
    bool is_message;
    struct span msg;            /* the exact bytes when embedded, else {NULL, 0} */
    struct span bytes_b64;      /* else these, still encoded */
    struct span why;            /* raw, between quotes */
    struct span method;         /* of the first fragment of a long line, where it was seen */
    enum terminator terminator; /* none on the pieces of a long line but the last */
    bool is_fragment, last_fragment;
    bool early; /* a piece of a line that may yet stand in a line as a whole */
    uint32_t fragment;
    uint32_t before; /* bytes of the message that lines in front of it hold as pieces */
    bool paired;
    uint64_t re;
    int64_t latency_us;
};
/* Takes a line apart (without its newline). The keys in front of msg may stand in any order,
 * unknown ones are passed over. STATUS_DAMAGED: not one of ours. */
enum status segment_line_parse(struct segment_line *out, const char *text, size_t len) MUST_CHECK;

/* What people see as no message of its own: a piece that came early, and a line end that came late.
 * Without it the byte stream would have a hole. */
bool segment_line_is_scrap(const struct segment_line *line);
/* Of a message's bytes those that this line adds to its stream. */
struct span segment_line_added(const struct segment_line *line, struct span message);

/* STATUS_DAMAGED: not a segment; STATUS_UNSUPPORTED: of a newer version. A file that is still too
 * short for its header (just made) counts as an empty one. */
enum status segment_reader_open(struct segment_reader **out, const char *path,
                                struct error *err) MUST_CHECK;
/* All zero while the file has no header yet. */
const struct segment_head *segment_reader_head(const struct segment_reader *reader);
/* STATUS_END: the end of what is there; when the file has grown since, the next call goes on.
 * STATUS_DAMAGED: the rest cannot be read (err says at which offset and why), now and on every
 * later call. Lines of a frame are given out as they are read, so it may come behind some lines of
 * a frame whose checksum does not fit. A line that is none of ours is damage too. */
enum status segment_reader_next(struct segment_reader *reader, struct segment_line *out,
                                struct error *err) MUST_CHECK;
void segment_reader_close(struct segment_reader *reader);

/* Where the reader stands. */
struct segment_place {
    uint64_t frame; /* offset of the data frame that the last line came from */
    uint64_t
        frame_end; /* offset behind the last data frame that was whole, checked, and of lines */
    uint64_t indexed_end; /* offset behind the last index entry that fits its data frame */
    uint64_t end;         /* offset behind the last frame of any kind that was whole */
    bool torn;            /* after STATUS_END: the file ends inside a frame */
};
const struct segment_place *segment_reader_place(const struct segment_reader *reader);

/* Where the files of a series are, in folders by date: data_dir/segments of the data directory's
 * own (0), data_dir/segments/imported/<instance in 16 hex digits> of an import. */
#define SEGMENT_PATH_MAX 4096
#define SEGMENT_IMPORTED "imported"
enum status segment_folder(char out[SEGMENT_PATH_MAX], const char *data_dir, uint64_t series,
                           struct error *err) MUST_CHECK;

/* All segment files below data_dir/segments (not imported/, not .torn) in the order of their
 * numbers; sealed and .open. No segments at all: STATUS_OK and a count of 0. */
struct segment_path {
    char *path;
    uint64_t number;
    bool open;
};
enum status segment_list(const char *data_dir, struct segment_path **out, size_t *count,
                         struct error *err) MUST_CHECK;
/* The same below any folder. */
enum status segment_list_folder(const char *folder, struct segment_path **out, size_t *count,
                                struct error *err) MUST_CHECK;
void segment_list_free(struct segment_path *paths, size_t count);

#endif
