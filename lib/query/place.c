/*
 * place.c - where a query stands in its series: only rows behind its place are given, and numbers
 * that are nowhere any more are counted.
 */
#include "lib/query/query_private.h"

bool query_take(struct query *query, const struct query_key *key)
{
    if (query->placed && query->last.instance == key->instance) {
        int order = query_key_compare(key, &query->last);
        if (query->order == QUERY_OLDEST_FIRST ? order <= 0 : order >= 0)
            return false;
    }
    query->last = *key;
    query->placed = true;
    return true;
}

void query_miss(struct query *query, uint64_t count)
{
    query->missed += count;
    query->statistics.missed += count;
}
