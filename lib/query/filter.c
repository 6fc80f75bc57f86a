/*
 * filter.c - a filter made ready for matching: times as text, sessions sorted, methods as
 * bits, and the clue: a text that every line that fits must hold, so that a frame can be searched
 * as a whole. Fails when the filter contradicts itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/query/match.h"
#include "lib/stratum/scan.h"

#define HASH_SEED                                                                                  \
    UINT64_C(0x4853717565727931) /* cursors are read by later programs: a constant                 \
                                  */
#define ALL_DIRECTIONS ((1u << DIRECTION_COUNT) - 1)
#define ALL_KINDS      (QUERY_MESSAGES | QUERY_EVENTS | QUERY_STATES)

/* Times before 1970 and after 9999 are cut to what lines can hold. */
static int64_t microseconds_up(int64_t ns)
{
    return ns / NS_PER_US + (ns % NS_PER_US > 0 && ns / NS_PER_US < INT64_MAX / NS_PER_US);
}

/* ------------------------------------------------------------------ sessions */

static int compare_uuids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

void query_match_restrict(struct query_match *match, const struct uuid *sessions, size_t count)
{
    struct query_ids *ids = &match->ids;
    free(ids->texts);
    free(ids->uuids);
    *ids = (struct query_ids){.count = count};
    match->by_session = true;
    match->never = count == 0;
    if (count == 0)
        return;
    ids->uuids = memory_new(count * sizeof *ids->uuids);
    memcpy(ids->uuids, sessions, count * sizeof *ids->uuids);
    qsort(ids->uuids, count, sizeof *ids->uuids, compare_uuids);
    ids->texts = memory_new(count * sizeof *ids->texts);
    for (size_t i = 0; i < count; i++)
        uuid_format(ids->texts[i], &ids->uuids[i]);
}

/* ------------------------------------------------------------------ hash */

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    return hash_bytes(hash ^ HASH_SEED, data, len);
}

static uint64_t mix_number(uint64_t hash, uint64_t number)
{
    unsigned char bytes[8];
    store_le64(bytes, number);
    return mix(hash, bytes, sizeof bytes);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    hash = mix(hash, text ? "+" : "-", 1);
    return text ? mix(hash, text, strlen(text)) : hash;
}

static uint64_t mix_sessions(uint64_t hash, const struct query_filter *filter)
{
    struct query_match sorted = {0};
    if (filter->session_count)
        query_match_restrict(&sorted, filter->sessions, filter->session_count);
    for (size_t i = 0; i < sorted.ids.count; i++)
        hash = mix(hash, &sorted.ids.uuids[i], sizeof *sorted.ids.uuids);
    free(sorted.ids.uuids);
    free(sorted.ids.texts);
    return hash;
}

static uint64_t hash_filter(const struct query_filter *filter)
{
    const uint64_t numbers[] = {
        (uint64_t)filter->from_ns,
        (uint64_t)filter->to_ns,
        filter->first_seq,
        filter->last_seq,
        filter->directions,
        filter->methods,
        filter->errors,
        filter->answers_to,
        filter->ignore_case,
        filter->what,
        filter->source,
        filter->session_count,
        filter->method_count,
    };
    const char *const texts[] = {filter->worker, filter->peer, filter->route, filter->pool,
                                 filter->user_agent};
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        hash = mix_number(hash, numbers[i]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash = mix_text(hash, texts[i]);
    for (size_t i = 0; i < filter->method_count; i++)
        hash = mix_text(hash, filter->method_names[i]);
    hash = mix(hash, filter->text ? filter->text : "", filter->text_len);
    if (filter->latency_min_us || filter->latency_max_us) { /* older cursors know none of these */
        hash = mix_number(hash, (uint64_t)filter->latency_min_us);
        hash = mix_number(hash, (uint64_t)filter->latency_max_us);
    }
    if (filter->no_scraps)
        hash = mix_number(hash, filter->no_scraps);
    return mix_sessions(hash, filter);
}

/* ------------------------------------------------------------------ the rest */

static void take_times(struct query_match *match, const struct query_filter *filter)
{
    match->bounded = filter->from_ns || filter->to_ns;
    match->from_us = filter->from_ns ? microseconds_up(filter->from_ns) : INT64_MIN / NS_PER_US;
    match->to_us = filter->to_ns ? microseconds_up(filter->to_ns) : INT64_MAX / NS_PER_US;
    clock_format(match->from, match->from_us * NS_PER_US);
    clock_format(match->to, match->to_us * NS_PER_US);
}

static void take_methods(struct query_match *match, const struct query_filter *filter)
{
    match->methods = filter->methods;
    match->by_method = filter->methods || filter->method_count;
    if (filter->method_count)
        match->names = memory_new(filter->method_count * sizeof *match->names);
    for (size_t i = 0; i < filter->method_count; i++) {
        const char *name = filter->method_names[i];
        enum stratum_method known = stratum_method_find(name, strlen(name));
        if (known > STRATUM_METHOD_UNKNOWN)
            match->methods |= UINT64_C(1) << known;
        else
            match->names[match->name_count++] = memory_text(name);
    }
}

/* Session and re stand in clear in every line; a message's text may stand there encoded. */
static void choose_clue(struct query_match *match, const struct query_filter *filter)
{
    char text[32];
    if (filter->text_len) {
        query_needle_init(&match->clue, filter->text, filter->text_len, filter->ignore_case);
        if (match->what & QUERY_MESSAGES)
            query_needle_init(&match->base64, "\"bytes_b64\":\"", 13, false);
    } else if (filter->answers_to) {
        int len =
            snprintf(text, sizeof text, "\"re\":%llu,", (unsigned long long)filter->answers_to);
        query_needle_init(&match->clue, text, (size_t)len, false);
    } else if (match->ids.count == 1) {
        query_needle_init(&match->clue, match->ids.texts[0], UUID_TEXT_LEN, false);
    }
}

static enum status check(const struct query_filter *filter, struct error *err)
{
    if (filter->from_ns && filter->to_ns && filter->from_ns >= filter->to_ns)
        return error_set(err, STATUS_INVALID, "the time range ends before it begins");
    if (filter->last_seq && filter->first_seq > filter->last_seq)
        return error_set(err, STATUS_INVALID, "the range of numbers ends before it begins");
    if (filter->directions & ~ALL_DIRECTIONS)
        return error_set(err, STATUS_INVALID, "no such direction");
    if (filter->what & ~ALL_KINDS)
        return error_set(err, STATUS_INVALID, "no such kind of line");
    if (filter->latency_min_us < 0 || filter->latency_max_us < 0 ||
        (filter->latency_max_us && filter->latency_min_us > filter->latency_max_us))
        return error_set(err, STATUS_INVALID, "the range of latencies ends before it begins");
    return STATUS_OK;
}

enum status query_match_init(struct query_match *match, const struct query_filter *filter,
                             struct error *err)
{
    *match = (struct query_match){0};
    enum status status = check(filter, err);
    if (status != STATUS_OK)
        return status;
    take_times(match, filter);
    take_methods(match, filter);
    match->first_seq = filter->first_seq;
    match->last_seq = filter->last_seq ? filter->last_seq : UINT64_MAX;
    match->directions = filter->directions ? filter->directions : ALL_DIRECTIONS;
    match->what = filter->what ? filter->what : ALL_KINDS;
    match->errors = filter->errors;
    match->no_scraps = filter->no_scraps;
    match->answers_to = filter->answers_to;
    match->by_latency = filter->latency_min_us || filter->latency_max_us;
    match->latency_min_us = filter->latency_min_us;
    match->latency_max_us = filter->latency_max_us ? filter->latency_max_us : INT64_MAX;
    if (filter->directions || match->by_method || match->errors || match->answers_to ||
        match->by_latency)
        match->what &= QUERY_MESSAGES;
    if (filter->session_count)
        query_match_restrict(match, filter->sessions, filter->session_count);
    match->never |= match->what == 0;
    query_needle_init(&match->text, filter->text, filter->text_len, filter->ignore_case);
    choose_clue(match, filter);
    match->hash = hash_filter(filter);
    return STATUS_OK;
}

void query_match_close(struct query_match *match)
{
    for (size_t i = 0; i < match->name_count; i++)
        free(match->names[i]);
    free(match->names);
    free(match->ids.texts);
    free(match->ids.uuids);
    query_needle_close(&match->text);
    query_needle_close(&match->clue);
    query_needle_close(&match->base64);
    *match = (struct query_match){0};
}
