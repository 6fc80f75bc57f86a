/*
 * timeline.h - GET timeline: counts over time (lib/query/timeline.h) as an answer.
 *
 * Without a filter of messages they come from the directories of the files, and from frames over an
 * edge of buckets: those that hold refusals, and TIMELINE_FRAMES of others; with one, messages are
 * counted. For TIMELINE_SEC at most: then the answer says that it is not complete. It ends early
 * when the client goes away.
 *
 * Threads: the request's.
 */
#ifndef HASHSCOPE_API_REST_TIMELINE_H
#define HASHSCOPE_API_REST_TIMELINE_H

#include "api/request/request.h"

#define TIMELINE_SEC     5
#define TIMELINE_FRAMES  256  /* without refusals, read so that nothing has to be estimated */
#define TIMELINE_BUCKETS 1000 /* at most */

/* Answers the request, whose parameters are those of messages, and `buckets`. */
void timeline_get(struct request *request);

#endif
