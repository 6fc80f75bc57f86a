/* session_index.c - see session_index.h. Nothing fails. */
#include "lib/query/session_index.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_text.h"
#include "lib/base/memory.h"
#include "lib/record/json_slice.h"
#include "lib/record/login.h"
#include "lib/segment/scan.h"
#include "lib/stratum/scan.h"

/* ------------------------------------------------------------------ the table */

void session_index_init(struct session_index *index)
{
    *index = (struct session_index){.capacity = 256, .seed = random_u64()};
    index->table = memory_new(index->capacity * sizeof(struct session_index_entry *));
}

static void entry_free(struct session_index_entry *entry)
{
    struct query_session *session = &entry->session;
    struct span *const texts[] = {&session->route,   &session->miner,      &session->via,
                                  &session->listen,  &session->user_agent, &session->pool,
                                  &session->address, &session->closed_by,  &session->reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        span_free(texts[i]);
    for (size_t i = 0; i < session->worker_count; i++)
        span_free(&entry->workers[i]);
    for (size_t i = 0; i < session->refused_count; i++)
        span_free(&entry->refused[i]);
    free(entry);
}

void session_index_close(struct session_index *index)
{
    for (size_t i = 0; i < index->capacity; i++) {
        if (index->table[i])
            entry_free(index->table[i]);
    }
    free(index->table);
    free(index->submits);
    buffer_close(&index->plain);
    buffer_close(&index->bytes);
    *index = (struct session_index){0};
}

static struct session_index_entry **place_of(const struct session_index *index,
                                             const struct uuid *session)
{
    size_t i = hash_bytes(index->seed, session, sizeof *session) & (index->capacity - 1);
    while (index->table[i] && !uuid_equal(&index->table[i]->session.session, session))
        i = (i + 1) & (index->capacity - 1);
    return &index->table[i];
}

static void grow(struct session_index *index)
{
    struct session_index_entry **old = index->table;
    size_t capacity = index->capacity;
    index->capacity *= 2;
    index->table = memory_new(index->capacity * sizeof(struct session_index_entry *));
    for (size_t i = 0; i < capacity; i++) {
        if (old[i])
            *place_of(index, &old[i]->session.session) = old[i];
    }
    free(old);
}

static struct session_index_entry *entry_of(struct session_index *index, const struct uuid *session)
{
    struct session_index_entry **place = place_of(index, session);
    if (*place)
        return *place;
    if (index->count * 4 >= index->capacity * 3) {
        grow(index);
        place = place_of(index, session);
    }
    struct session_index_entry *entry = memory_new(sizeof *entry);
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | session->bytes[i];
    entry->session.session = *session;
    entry->session.opened_ns = clock_ns((int64_t)ms, NS_PER_MS);
    entry->session.state = SESSION_CONNECTING;
    entry->session.complete = true;
    entry->session.workers = entry->workers;
    entry->session.refused = entry->refused;
    *place = entry;
    index->count++;
    return entry;
}

/* ------------------------------------------------------------------ single facts */

static void set_text(struct span *out, struct span text)
{
    if (text.len == 0 || (out->data && span_equal(*out, text)))
        return;
    span_free(out);
    *out = span_copy(text);
}

/* Texts of footers and messages are as they stand in JSON; those of the ring are plain. */
static struct span plain(struct session_index *index, struct span text)
{
    if (text.len == 0 ||
        (!memchr(text.data, '\\', text.len) && utf8_valid_prefix(text.data, text.len) == text.len))
        return text;
    buffer_clear(&index->plain);
    json_text_append(&index->plain, text);
    return span_make(index->plain.data, index->plain.len);
}

static void add_name(struct span *names, size_t *count, size_t most, struct span name)
{
    size_t same = 0;
    while (same < *count && !span_equal(names[same], name))
        same++;
    size_t leaves = session_name_that_leaves(*count, same, most);
    struct span kept = span_copy(name); /* before it leaves: it may be the one */
    if (leaves < *count) {
        span_free(&names[leaves]);
        --*count;
        memmove(names + leaves, names + leaves + 1, (*count - leaves) * sizeof *names);
    }
    names[(*count)++] = kept;
}

/* `name` as it stands in JSON. */
static void add_worker(struct session_index *index, struct session_index_entry *entry,
                       struct span name)
{
    add_name(entry->workers, &entry->session.worker_count, SESSION_WORKERS_MAX, plain(index, name));
}

static void add_refused(struct session_index *index, struct session_index_entry *entry,
                        struct span name)
{
    add_name(entry->refused, &entry->session.refused_count, SESSION_REFUSED_MAX,
             plain(index, name));
}

static void widen(struct query_session *session, int64_t first_ns, int64_t last_ns,
                  uint64_t first_seq, uint64_t last_seq)
{
    if (!session->first_ns || first_ns < session->first_ns)
        session->first_ns = first_ns;
    if (last_ns > session->last_ns)
        session->last_ns = last_ns;
    if (first_seq && (!session->first_seq || first_seq < session->first_seq))
        session->first_seq = first_seq;
    if (last_seq > session->last_seq)
        session->last_seq = last_seq;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ------------------------------------------------------------------ footers */

static void add_counts(struct query_session *session, const struct segment_summary *summary)
{
    for (unsigned i = 0; i < DIRECTION_COUNT; i++)
        session->messages[i] += summary->messages[i];
    session->submits += summary->submits;
    session->accepted += (uint64_t)summary->accepted + summary->earlier_accepted;
    session->rejected += (uint64_t)summary->rejected + summary->earlier_rejected;
    session->other_errors += summary->other_errors;
    session->unasked += summary->unasked;
    session->bytes_up = larger(session->bytes_up, summary->bytes_up);
    session->bytes_down = larger(session->bytes_down, summary->bytes_down);
}

static void add_names(struct session_index *index, struct query_session *session,
                      const struct segment_summary *summary)
{
    set_text(&session->route, plain(index, summary->route));
    set_text(&session->miner, plain(index, summary->miner));
    set_text(&session->via, plain(index, summary->via));
    set_text(&session->listen, plain(index, summary->listen));
    set_text(&session->user_agent, plain(index, summary->user_agent));
    set_text(&session->pool, plain(index, summary->pool));
    set_text(&session->address, plain(index, summary->address));
    set_text(&session->closed_by, plain(index, summary->closed_by));
    set_text(&session->reason, plain(index, summary->reason));
}

static void set_lasted(struct query_session *session, int64_t ns)
{
    session->lasted_ns = ns > 0 ? ns : 0;
    session->lasted_steady = true;
}

void session_index_add_summary(struct session_index *index, const struct segment_summary *summary)
{
    struct session_index_entry *entry = entry_of(index, &summary->session);
    struct query_session *session = &entry->session;
    if (summary->number)
        session->number = summary->number;
    if (summary->opened_us != SEGMENT_TIME_UNKNOWN)
        session->opened_ns = clock_ns(summary->opened_us, NS_PER_US);
    if (summary->closed)
        session->state = SESSION_CLOSED;
    else if (session->state != SESSION_CLOSED && summary->connected)
        session->state = SESSION_OPEN;
    if (summary->lasted_us != SEGMENT_TIME_UNKNOWN)
        set_lasted(session, clock_ns(summary->lasted_us, NS_PER_US));
    widen(session, clock_ns(summary->first_us, NS_PER_US), clock_ns(summary->last_us, NS_PER_US),
          summary->first_seq, summary->last_seq);
    add_counts(session, summary);
    add_names(index, session, summary);
    for (uint32_t i = 0; i < summary->worker_count; i++)
        add_worker(index, entry, summary->workers[i]);
    for (uint32_t i = 0; i < summary->refused_count; i++)
        add_refused(index, entry, summary->refused[i]);
}

/* ------------------------------------------------------------------ messages */

static void learn(struct session_index *index, struct session_index_entry *entry,
                  const struct stratum_scan *scan)
{
    struct span text;
    if (login_worker(scan, &text))
        add_worker(index, entry, text);
    if (login_agent(scan, &text))
        set_text(&entry->session.user_agent, plain(index, text));
}

/* What is known of the request that a row answers. */
static enum session_request request_of(const struct session_index *index,
                                       const struct segment_line *line)
{
    if (!line->paired)
        return SESSION_REQUEST_NONE;
    if (line->re < index->first_row)
        return SESSION_REQUEST_EARLIER;
    return index->submits[line->re % SESSION_INDEX_SUBMITS] == line->re ? SESSION_REQUEST_SUBMIT
                                                                        : SESSION_REQUEST_OTHER;
}

static void count_answer(const struct session_index *index, struct query_session *session,
                         const struct segment_line *line, const struct stratum_scan *scan)
{
    if (scan->kind != STRATUM_RESPONSE)
        return;
    enum session_answer answer =
        session_judge(line->direction, request_of(index, line), scan->error);
    session->accepted += answer == SESSION_ANSWER_ACCEPT;
    session->rejected += answer == SESSION_ANSWER_REJECT;
    session->other_errors += answer == SESSION_ANSWER_ERROR;
    session->unasked +=
        line->msg.data && session_is_unasked(line->direction, scan->kind, line->paired);
}

static void count_row(struct session_index *index, struct query_session *session,
                      const struct segment_line *line, const struct stratum_scan *scan)
{
    if (!index->submits) {
        index->submits = memory_new(SESSION_INDEX_SUBMITS * sizeof *index->submits);
        index->first_row = line->seq;
    }
    if (session_is_submit(line->direction, scan->method)) {
        index->submits[line->seq % SESSION_INDEX_SUBMITS] = line->seq;
        session->submits++;
    }
    count_answer(index, session, line, scan);
}

void session_index_add_row(struct session_index *index, const struct query_row *row)
{
    const struct segment_line *line = &row->line;
    struct stratum_scan scan;
    struct uuid id;
    if (!line->is_message || !uuid_parse(&id, line->session.data, line->session.len))
        return;
    struct session_index_entry *entry = entry_of(index, &id);
    entry->session.complete = false;
    widen(&entry->session, line->wall_ns, line->wall_ns, line->seq, line->seq);
    entry->session.messages[line->direction]++;
    if (!segment_line_scan(&scan, line, &index->bytes))
        return;
    if (line->direction == DIRECTION_MINER_TO_POOL)
        learn(index, entry, &scan);
    count_row(index, &entry->session, line, &scan);
}

/* ------------------------------------------------------------------ the ring's table */

bool session_index_add_live(struct session_index *index, const struct session_info *info,
                            int64_t newest_mono_ns)
{
    struct session_index_entry *entry = entry_of(index, &info->session);
    struct query_session *session = &entry->session;
    bool closed = info->state == SESSION_CLOSED, told = session->state == SESSION_CLOSED;
    if (!closed && info->opened_mono_ns && newest_mono_ns)
        set_lasted(session, clock_between(info->opened_mono_ns, newest_mono_ns));
    session->live = true;
    session->number = info->number;
    session->state = (enum session_state)info->state;
    if (info->opened_wall_ns)
        session->opened_ns = info->opened_wall_ns;
    session->bytes_up = larger(session->bytes_up, info->bytes_up);
    session->bytes_down = larger(session->bytes_down, info->bytes_down);
    session->unasked = larger(session->unasked, info->unasked);
    set_text(&session->route, span_text(info->route));
    set_text(&session->miner, span_text(info->miner));
    set_text(&session->via, span_text(info->via));
    set_text(&session->listen, span_text(info->listen));
    set_text(&session->pool, span_text(info->pool));
    set_text(&session->address, span_text(info->address));
    set_text(&session->closed_by, span_text(info->closed_by));
    set_text(&session->reason, span_text(info->reason));
    return closed && !told;
}

void session_index_add_closed(struct session_index *index, const struct query_row *row)
{
    const struct segment_line *line = &row->line;
    struct span value;
    struct uuid id;
    uint64_t lasted_us;
    if (span_equal_text(line->event, "closed") &&
        uuid_parse(&id, line->session.data, line->session.len) &&
        json_member(line->text, "lasted_us", &value) && json_u64(value, &lasted_us) &&
        lasted_us <= INT64_MAX)
        set_lasted(&entry_of(index, &id)->session, clock_ns((int64_t)lasted_us, NS_PER_US));
}

/* ------------------------------------------------------------------ in order */

static int newest_first(const void *a, const void *b)
{
    const struct session_index_entry *const *left = a, *const *right = b;
    return memcmp(&(*right)->session.session, &(*left)->session.session, sizeof(struct uuid));
}

struct session_index_entry **session_index_sorted(const struct session_index *index)
{
    struct session_index_entry **sorted =
        memory_new((index->count + 1) * sizeof(struct session_index_entry *));
    size_t count = 0;
    for (size_t i = 0; i < index->capacity; i++) {
        if (index->table[i])
            sorted[count++] = index->table[i];
    }
    qsort(sorted, count, sizeof(struct session_index_entry *), newest_first);
    return sorted;
}
