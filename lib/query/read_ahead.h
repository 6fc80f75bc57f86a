/*
 * read_ahead.h - the frames of a plan, read in its order, with or without threads that read ahead.
 * For lib/query alone.
 *
 * Loads stand in a circle. The query's thread takes frames from the plan and puts them in at one
 * end; workers, or that thread itself, read and match them; they come out at the other end in
 * order.
 *
 * Threads: all functions are the query's thread's; its workers touch nothing but loads.
 */
#ifndef HASHSCOPE_QUERY_READ_AHEAD_H
#define HASHSCOPE_QUERY_READ_AHEAD_H

#include "lib/query/plan.h"

#define QUERY_THREADS_MAX 16u

struct query_read_ahead;

/* NULL: no memory for decompressing. The plan and the match live longer. */
struct query_read_ahead *query_read_ahead_new(unsigned threads, const struct query_match *match);
/* The next load that was read; it lasts until the next call. NULL: the plan has no more. */
struct query_load *query_read_ahead_next(struct query_read_ahead *ahead, struct query_plan *plan);
void query_read_ahead_free(struct query_read_ahead *ahead);

#endif
