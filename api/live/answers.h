/*
 * answers.h - what the archive knows beyond the lines of a page: the answers to its requests, which
 * may lie many segments later, and the miners behind its sessions.
 *
 * One forward read for all rows together, never one per row, and bounded: by PAIR_TIMEOUT_SEC
 * behind the last request, by ANSWERS_ROWS rows and ANSWERS_MS. What was not found by then stays
 * open. Threads: any.
 */
#ifndef HASHSCOPE_API_LIVE_ANSWERS_H
#define HASHSCOPE_API_LIVE_ANSWERS_H

#include "api/live/page.h"
#include "api/request/rest.h"

#define ANSWERS_ROWS 200000u
#define ANSWERS_MS   2000

/* Fills in what is still missing in the rows (live_complete comes first). Faults of the archive
 * leave rows as they are. */
void answers_complete(const struct rest *rest, struct page *page);

#endif
