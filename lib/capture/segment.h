/*
 * segment.h - reading segment files in order: every line, checked, with its place.
 *
 * Works on sealed, open (still being written) and torn files alike: gives all whole lines of all
 * frames that are intact, then says how the file ends. Memory: a frame's window and one line.
 * Threads: one at a time per reader.
 */
#ifndef HASHSCOPE_CAPTURE_SEGMENT_H
#define HASHSCOPE_CAPTURE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/capture/record.h"

struct segment_reader;

struct segment_head {
    uint32_t version;
    uint64_t instance;
    uint64_t number;
    int64_t start_wall_ns, start_mono_ns;
};

/* One line, taken apart as far as every line has it; spans into the line, valid until the next
 * call. `seq` stands for `at` in gap, state and other lines without a number of their own. */
struct segment_line {
    struct span text; /* without its newline */
    uint64_t seq;
    bool numbered;
    int64_t wall_ns; /* microseconds' precision */
    struct span session;
    struct span event;     /* "opened" …; empty on messages */
    enum direction direction;
    bool is_message;
    struct span msg;       /* the exact bytes when embedded */
    struct span bytes_b64; /* else these, still encoded */
    struct span why;       /* raw, between quotes */
    enum terminator terminator;
    bool is_fragment, last_fragment;
    uint32_t fragment;
    bool paired;
    uint64_t re;
    int64_t latency_us;
};
/* Takes a line apart. STATUS_DAMAGED: not one of ours. */
enum status segment_line_parse(struct segment_line *out, const char *text, size_t len) MUST_CHECK;

enum status segment_reader_open(struct segment_reader **out, const char *path, struct error *err)
    MUST_CHECK;
const struct segment_head *segment_reader_head(const struct segment_reader *reader);
/* STATUS_END: the proper end of what is there. STATUS_DAMAGED: the rest cannot be read (err says at
 * which offset and why). `complete` (may be NULL): the line is from a frame already checksummed. */
enum status segment_reader_next(struct segment_reader *reader, struct segment_line *out,
                                struct error *err) MUST_CHECK;
/* For following a file that is being written: continue after STATUS_END when it has grown. */
void segment_reader_close(struct segment_reader *reader);

/* All segment files below data_dir/segments (not imported/, not .torn), oldest first; sealed and
 * .open. Free each path and the array. */
struct segment_path {
    char *path;
    bool open;
};
enum status segment_list(const char *data_dir, struct segment_path **out, size_t *count,
                         struct error *err) MUST_CHECK;
void segment_list_free(struct segment_path *paths, size_t count);

#endif
