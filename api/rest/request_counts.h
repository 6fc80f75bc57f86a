/*
 * request_counts.h - how many requests were answered, how, and in what time. There is one count in
 * a program, of all of its requests. Threads: any.
 */
#ifndef HASHSCOPE_API_REST_REQUEST_COUNTS_H
#define HASHSCOPE_API_REST_REQUEST_COUNTS_H

#include "api/request/request.h"

struct request_counts {
    uint64_t requests, failed; /* all; those answered with 500 or more */
    uint64_t by_class[6];      /* 1xx … 5xx */
    uint64_t busy;             /* now */
    uint64_t took_us;          /* all together */
};

/* Around the work of the server's threads. */
void request_counts_begin(void);
void request_counts_end(void);
/* Counts a request that was answered, by the server or by the front, and logs it. */
void request_counts_note(const struct request *request, int64_t begun_ns);
void request_counts_read(struct request_counts *out);

#endif
