/*
 * view.h - rows for people: a line of the series as one row of columns, with who is behind the
 * session and what an answer answers.
 *
 * A view learns from the lines it is given: who is behind a session (its address from the event
 * that opened it, its worker name from mining.authorize) and which method a request had. What the
 * filters kept from it is looked up in the archive: sessions by one listing (while following, by
 * one a second at most), requests one by one.
 *
 * Ownership: the place's texts are borrowed, the rest is the view's; view_close frees it.
 * Memory: about 5 MB for the methods of the last requests; sessions as many as are seen, with a
 * cap. Threads: one.
 */
#ifndef HASHSCOPE_CLI_DISPLAY_VIEW_H
#define HASHSCOPE_CLI_DISPLAY_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/query/query.h"
#include "lib/stratum/scan.h"

struct view_session; /* who is behind a session */

struct view {
    struct query_place place; /* data_dir NULL: nothing is looked up */
    uint64_t instance;        /* of the series that the lines are of */
    bool color;
    size_t width;      /* of the terminal; 0: rows are not cut */
    bool following;    /* sessions begin while we show */
    int64_t listed_at; /* when sessions were looked up, monotonic; 0: never */
    struct view_session *sessions;
    size_t session_count, session_room; /* room is a power of two */
    struct view_request *requests;      /* the newest by seq modulo VIEW_REQUESTS */
};

/* A line with what the scan of its message says. */
struct view_line {
    struct segment_line line;
    struct stratum_scan scan;     /* of line.msg; zeroed for events */
    enum stratum_method answered; /* of a paired response; NONE when not known */
};

/* `place` may be NULL. */
void view_init(struct view *view, const struct query_place *place);
void view_close(struct view *view);

/* Takes the line in, and says what it is. */
void view_take(struct view *view, const struct segment_line *line, struct view_line *out);
/* Appends the row, with its newline; finds out what it answers. */
void view_append_row(struct view *view, struct buffer *out, struct view_line *line);

/* The method of the request with that number, if a line given to the view was it; NONE if not. */
enum stratum_method view_seen_method(const struct view *view, uint64_t seq);
/* The same, looked up if need be. */
enum stratum_method view_find_method(struct view *view, uint64_t seq);

/* ---- between the view's own files ---- */

/* The name to show: worker, else the miner's address, else "". */
struct span view_name_of(struct view *view, struct span session);

#endif
