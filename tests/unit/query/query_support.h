/*
 * query_support.h - archives made up by chance, and what a query of them must give: found by
 * reading every line with the segment reader and asking each condition of the filter in the
 * plainest way.
 */
#ifndef HASHSCOPE_TESTS_UNIT_QUERY_QUERY_SUPPORT_H
#define HASHSCOPE_TESTS_UNIT_QUERY_QUERY_SUPPORT_H

#include "lib/query/query.h"
#include "tests/unit/record/record_support.h"

#define MADE_SESSIONS 8
#define MADE_INSTANCE UINT64_C(0x1f2e3d4c5b6a7988)

struct made {
    char folder[64];
    uint64_t random;
    uint64_t seq; /* of the last line */
    uint64_t number;
    int64_t wall_ns;
    struct segment_writer file;
    bool footers; /* files are sealed with one */
};

void made_begin(struct made *made, uint64_t seed);
void made_end(struct made *made);
uint64_t made_random(struct made *made, uint64_t below);

void made_file_begin(struct made *made);
/* A frame of `lines` random lines: messages of all kinds, events, lines without a number. */
void made_frame(struct made *made, unsigned lines);
void made_message(struct made *made, unsigned session, enum direction direction, const char *text);
void made_line(struct made *made, const char *text, size_t len);
/* Ends the frame that made_message and made_line have begun. */
void made_frame_end(struct made *made);
void made_file_seal(struct made *made);
/* Leaves it `.open`, with a frame of `lines` lines begun and flushed (0: none). */
void made_file_leave(struct made *made, unsigned lines);
/* `files` sealed files, and one that is open. */
void made_archive(struct made *made, unsigned files);

/* All lines that the archive must give, each with its newline. */
struct buffer made_expected(const struct made *made, const struct query_filter *filter,
                            enum query_order order);

/* What a query gives, in pages of `page` rows (0: all at once). Stops the test when it fails. */
struct buffer made_queried(const struct query_options *options, unsigned page);

/* A filter by chance; its texts and lists live as long as `store`. */
struct made_filter {
    struct query_filter filter;
    struct uuid sessions[3];
    const char *names[1];
};
void made_filter_choose(struct made *made, struct made_filter *out);

void made_compare(const struct buffer *got, const struct buffer *expected);

#endif
