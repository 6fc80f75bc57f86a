/*
 * report.h - where a query tells of damage that it meets. Threads: one at a time per reporter.
 */
#ifndef HASHSCOPE_QUERY_REPORT_H
#define HASHSCOPE_QUERY_REPORT_H

#include "lib/query/query.h"

/* Where damage is told; `path` is that of the file. */
struct query_reporter {
    void (*damage)(void *user, const struct query_damage *damage);
    void *user;
    uint64_t *count; /* may be NULL */
};
void query_report(struct query_reporter *reporter, const char *path, uint64_t offset,
                  const char *why);

#endif
