/* report.c - see report.h. Nothing fails. */
#include "lib/query/report.h"

void query_report(struct query_reporter *reporter, const char *path, uint64_t offset,
                  const char *why)
{
    struct query_damage damage = {path, offset, why};
    if (!reporter)
        return;
    if (reporter->count)
        ++*reporter->count;
    if (reporter->damage)
        reporter->damage(reporter->user, &damage);
}
