/*
 * sessions.c - the sessions of archive and ring: summaries of all footers that may concern
 * the filter, then what no footer tells yet, then the ring's table.
 *
 *   sealed files        the file being written                     ring
 *   footer footer …  │  rebuilt, when small or `exact` is wanted │  table: all that is open
 *                    │  else only who subscribed and authorised  │
 *
 * All is gathered when the listing is opened. Damaged files are reported and passed over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_text.h"
#include "lib/base/memory.h"
#include "lib/query/query_private.h"
#include "lib/query/session_index.h"
#include "lib/stratum/scan.h"

#define REBUILD_BYTES (8u << 20) /* an open file below is read as a whole */
#define SETUP_METHODS                                                                              \
    (UINT64_C(1) << STRATUM_MINING_SUBSCRIBE | UINT64_C(1) << STRATUM_MINING_AUTHORIZE |           \
     UINT64_C(1) << STRATUM_ETH_SUBMIT_LOGIN | UINT64_C(1) << STRATUM_LOGIN |                      \
     UINT64_C(1) << STRATUM_MINING_HELLO)

/* Parts of texts; not set: any. */
struct wishes {
    struct query_needle worker, peer, route, pool, user_agent;
};

struct query_sessions {
    struct session_index index;
    struct session_index_entry **sorted;
    size_t count, at; /* that fit; the next one */
    struct query_match match;
    struct wishes wishes;
    struct query_reporter reporter;
    struct query_statistics statistics;
    uint64_t covered; /* up to here summaries have counted */
    bool exact;
};

/* ------------------------------------------------------------------ gathering */

static bool summary_fits(const struct query_match *match, const struct segment_summary *summary)
{
    if (match->bounded && (summary->last_us < match->from_us || summary->first_us >= match->to_us))
        return false;
    return summary->last_seq >= match->first_seq && summary->first_seq <= match->last_seq;
}

static void take_footer(struct query_sessions *sessions, const struct segment_footer *footer)
{
    const struct segment_totals *totals = segment_footer_totals(footer);
    size_t count = segment_footer_sessions(footer);
    for (size_t i = 0; i < count; i++) {
        struct segment_summary summary;
        segment_footer_session_id(footer, i, &summary.session);
        if (!query_match_session(&sessions->match, &summary.session))
            continue;
        segment_footer_session(footer, i, &summary);
        if (summary_fits(&sessions->match, &summary))
            session_index_add_summary(&sessions->index, &summary);
    }
    sessions->statistics.files_opened++;
    if (totals->last_seq > sessions->covered)
        sessions->covered = totals->last_seq;
}

/* Without a footer: made from the frames, unless the file is large and still growing. */
static enum status open_without(struct query_sessions *sessions, struct segment_footer **footer,
                                const struct segment_path *path, struct error *err)
{
    struct query_file *file;
    struct error damage = {""};
    enum status status = query_file_open(&file, path->path, false, NULL, err);
    if (status != STATUS_OK)
        return status;
    bool skip = path->open && !sessions->exact && file->size > REBUILD_BYTES;
    query_file_release(file);
    if (skip)
        return STATUS_END;
    status = segment_footer_rebuild(footer, path->path, SEGMENT_FOOTER_SESSIONS, &damage, err);
    if (status == STATUS_OK && damage.text[0] && !path->open)
        query_report(&sessions->reporter, path->path, 0, damage.text);
    return status;
}

static void take_file(struct query_sessions *sessions, const struct segment_path *path)
{
    struct segment_footer *footer;
    struct error err = {""};
    enum status status = segment_footer_open(&footer, path->path, SEGMENT_FOOTER_SESSIONS, &err);
    if (status == STATUS_NOT_FOUND)
        status = open_without(sessions, &footer, path, &err);
    if (status == STATUS_OK) {
        take_footer(sessions, footer);
        segment_footer_close(footer);
    } else if (status == STATUS_NOT_FOUND) {
        sessions->statistics.files_vanished++;
    } else if (status != STATUS_END) {
        query_report(&sessions->reporter, path->path, 0, err.text);
    }
}

static enum status take_archive(struct query_sessions *sessions, const struct query_place *place,
                                struct error *err)
{
    struct query_plan plan = {.match = &sessions->match,
                              .bounds = {0, 0, UINT64_MAX},
                              .statistics = &sessions->statistics};
    enum status status = query_plan_open(&plan, place, err);
    for (size_t i = 0; i < plan.count && status == STATUS_OK; i++) {
        if (query_plan_name_fits(&plan, i))
            take_file(sessions, &plan.paths[i]);
        else
            sessions->statistics.files_pruned++;
    }
    if (status == STATUS_OK)
        query_plan_close(&plan);
    return status;
}

/* What was said behind the summaries: in the file being written, and in the ring. */
static enum status take_rest(struct query_sessions *sessions,
                             const struct query_sessions_options *options, struct error *err)
{
    struct query_options rest = {.place = options->place, .filter = options->filter};
    struct query_filter *filter = &rest.filter;
    struct query *query;
    struct query_row row;
    filter->worker = filter->peer = filter->route = filter->pool = filter->user_agent = NULL;
    filter->what = QUERY_MESSAGES;
    filter->methods = sessions->exact ? 0 : SETUP_METHODS;
    if (sessions->covered >= filter->first_seq)
        filter->first_seq = sessions->covered + 1;
    if (filter->last_seq && filter->first_seq > filter->last_seq)
        return STATUS_OK;
    enum status status = query_open_rows(&query, &rest, err);
    if (status != STATUS_OK)
        return status;
    while ((status = query_next(query, &row, err)) == STATUS_OK)
        session_index_add_row(&sessions->index, &row);
    query_close(query);
    return status == STATUS_END ? STATUS_OK : status;
}

static bool live_fits(const struct query_match *match, const struct session_info *info)
{
    bool open = info->state != SESSION_CLOSED;
    return query_match_session(match, &info->session) &&
           (!match->bounded || (info->opened_wall_ns / NS_PER_US < match->to_us &&
                                (open || info->closed_wall_ns / NS_PER_US >= match->from_us)));
}

static int64_t newest_mono_ns(struct ring_reader *ring)
{
    struct record record;
    ring_reader_seek_end(ring);
    return ring_reader_previous(ring, &record) == STATUS_OK ? record.mono_ns : 0;
}

/* How long those lasted whose end stands behind the summaries; of a time range these are but a few,
 * so only the ring is looked at. What fails here has been told. */
static void take_ends(struct query_sessions *sessions, const struct query_place *place,
                      const struct uuid *ended, size_t count)
{
    struct query_options ends = {
        .place = *place,
        .filter = {.what = QUERY_EVENTS,
                   .sessions = ended,
                   .session_count = count,
                   .source = sessions->match.bounded ? QUERY_LIVE : QUERY_ALL,
                   .first_seq = sessions->covered + 1}};
    struct query *query;
    struct query_row row;
    if (count == 0 || query_open_rows(&query, &ends, NULL) != STATUS_OK)
        return;
    while (query_next(query, &row, NULL) == STATUS_OK)
        session_index_add_closed(&sessions->index, &row);
    query_close(query);
}

/* The table says what is, not when: a bound on numbers is for lines, and it has none. */
static void take_ring(struct query_sessions *sessions, const struct query_place *place)
{
    struct ring_reader *ring;
    struct session_info info;
    size_t ended_count = 0;
    if (!place->ring_path || sessions->match.first_seq || sessions->match.last_seq != UINT64_MAX ||
        ring_reader_open(&ring, place->ring_path, NULL) != STATUS_OK)
        return;
    uint32_t slots = ring_reader_slots(ring);
    struct uuid *ended = memory_new((slots + (size_t)1) * sizeof *ended);
    int64_t newest_ns = newest_mono_ns(ring);
    for (uint32_t i = 0; i < slots; i++) {
        enum status status = ring_reader_session(ring, i, &info);
        if (status == STATUS_OK && live_fits(&sessions->match, &info) &&
            session_index_add_live(&sessions->index, &info, newest_ns))
            ended[ended_count++] = info.session;
    }
    ring_reader_close(ring);
    take_ends(sessions, place, ended, ended_count);
    free(ended);
}

/* ------------------------------------------------------------------ choosing */

/* Bytes that are no UTF-8 are looked for as names show them, \xf6. */
static void wish(struct query_needle *needle, struct span text)
{
    struct buffer shown = {0};
    if (text.len == 0)
        return;
    text_append_shown(&shown, text);
    query_needle_init(needle, shown.data, shown.len, true);
    buffer_close(&shown);
}

static void wish_text(struct query_needle *needle, const char *text)
{
    if (text)
        wish(needle, span_text(text));
}

static void wishes_init(struct wishes *wishes, const struct query_filter *filter)
{
    wish_text(&wishes->worker, filter->worker);
    wish_text(&wishes->peer, filter->peer);
    wish_text(&wishes->route, filter->route);
    wish_text(&wishes->pool, filter->pool);
    wish_text(&wishes->user_agent, filter->user_agent);
}

static void wishes_close(struct wishes *wishes)
{
    query_needle_close(&wishes->worker);
    query_needle_close(&wishes->peer);
    query_needle_close(&wishes->route);
    query_needle_close(&wishes->pool);
    query_needle_close(&wishes->user_agent);
}

/* As it is, and as terminals show it: with escapes for control characters. */
static bool holds(const struct query_needle *needle, struct span text)
{
    struct buffer shown = {0};
    if (needle->len == 0 || (text.len && query_needle_find(needle, text.data, text.len)))
        return true;
    text_append_shown(&shown, text);
    bool found = shown.len > text.len && query_needle_find(needle, shown.data, shown.len);
    buffer_close(&shown);
    return found;
}

static bool worker_fits(const struct query_needle *needle, const struct query_session *session)
{
    bool found = needle->len == 0;
    for (size_t i = 0; i < session->worker_count && !found; i++)
        found = holds(needle, session->workers[i]);
    for (size_t i = 0; i < session->refused_count && !found; i++)
        found = holds(needle, session->refused[i]);
    return found;
}

bool query_session_has_worker(const struct query_session *session, struct span part)
{
    struct query_needle needle = {0};
    wish(&needle, part);
    bool found = worker_fits(&needle, session);
    query_needle_close(&needle);
    return found;
}

static bool session_fits(const struct query_sessions *sessions, const struct query_session *session)
{
    const struct wishes *wishes = &sessions->wishes;
    return worker_fits(&wishes->worker, session) && holds(&wishes->peer, session->miner) &&
           holds(&wishes->route, session->route) &&
           holds(&wishes->user_agent, session->user_agent) &&
           (holds(&wishes->pool, session->pool) || holds(&wishes->pool, session->address));
}

static void settle_lasted(struct query_session *session)
{
    if (!session->lasted_steady && session->last_ns > session->opened_ns)
        session->lasted_ns = clock_between(session->opened_ns, session->last_ns);
}

static void choose(struct query_sessions *sessions, bool live_only)
{
    sessions->sorted = session_index_sorted(&sessions->index);
    for (size_t i = 0; i < sessions->index.count; i++) {
        struct query_session *session = &sessions->sorted[i]->session;
        settle_lasted(session);
        session->complete &= sessions->exact || !session->live;
        if ((session->live || !live_only) && session_fits(sessions, session))
            sessions->sorted[sessions->count++] = sessions->sorted[i];
    }
}

/* ------------------------------------------------------------------ opening */

static enum status check(const struct query_filter *filter, struct error *err)
{
    if (filter->directions || filter->methods || filter->method_count || filter->errors ||
        filter->answers_to || filter->text_len || filter->what || filter->latency_min_us ||
        filter->latency_max_us)
        return error_set(err, STATUS_INVALID, "sessions are not chosen by their messages");
    return STATUS_OK;
}

/* <uuid>-<hash>: the session given last. */
static enum status seek(struct query_sessions *sessions, const char *cursor, struct error *err)
{
    struct uuid last;
    char hash[20];
    if (!cursor || !*cursor)
        return STATUS_OK;
    snprintf(hash, sizeof hash, "-%016llx", (unsigned long long)sessions->match.hash);
    if (strlen(cursor) != UUID_TEXT_LEN + strlen(hash) ||
        !uuid_parse(&last, cursor, UUID_TEXT_LEN) || strcmp(cursor + UUID_TEXT_LEN, hash) != 0)
        return error_set(err, STATUS_INVALID, "the cursor is none, or belongs to another filter");
    while (sessions->at < sessions->count &&
           memcmp(&sessions->sorted[sessions->at]->session.session, &last, sizeof last) >= 0)
        sessions->at++;
    return STATUS_OK;
}

static enum status gather(struct query_sessions *sessions,
                          const struct query_sessions_options *options, struct error *err)
{
    enum status status = check(&options->filter, err);
    if (status == STATUS_OK)
        status = query_match_init(&sessions->match, &options->filter, err);
    if (status == STATUS_OK)
        status = take_archive(sessions, &options->place, err);
    if (status == STATUS_OK)
        status = take_rest(sessions, options, err);
    if (status != STATUS_OK)
        return status;
    if (options->filter.source != QUERY_ARCHIVE && !options->place.series)
        take_ring(sessions, &options->place);
    choose(sessions, options->filter.source == QUERY_LIVE);
    return seek(sessions, options->cursor, err);
}

enum status query_sessions_open(struct query_sessions **out,
                                const struct query_sessions_options *options, struct error *err)
{
    struct query_sessions *sessions = memory_new(sizeof *sessions);
    session_index_init(&sessions->index);
    sessions->reporter =
        (struct query_reporter){options->damage, options->user, &sessions->statistics.damaged};
    sessions->exact = options->exact;
    wishes_init(&sessions->wishes, &options->filter);
    enum status status = gather(sessions, options, err);
    if (status != STATUS_OK) {
        query_sessions_close(sessions);
        return status;
    }
    *out = sessions;
    return STATUS_OK;
}

void query_sessions_close(struct query_sessions *sessions)
{
    if (!sessions)
        return;
    free(sessions->sorted);
    session_index_close(&sessions->index);
    query_match_close(&sessions->match);
    wishes_close(&sessions->wishes);
    free(sessions);
}

/* ------------------------------------------------------------------ giving out */

enum status query_sessions_next(struct query_sessions *sessions, struct query_session *out,
                                struct error *err)
{
    (void)err;
    if (sessions->at == sessions->count)
        return STATUS_END;
    *out = sessions->sorted[sessions->at++]->session;
    sessions->statistics.rows++;
    return STATUS_OK;
}

size_t query_sessions_count(const struct query_sessions *sessions)
{
    return sessions->count;
}

void query_sessions_cursor(const struct query_sessions *sessions, char out[QUERY_CURSOR_BYTES])
{
    char id[UUID_TEXT_LEN + 1] = "";
    if (sessions->at == 0) {
        out[0] = '\0';
        return;
    }
    uuid_format(id, &sessions->sorted[sessions->at - 1]->session.session);
    snprintf(out, QUERY_CURSOR_BYTES, "%s-%016llx", id, (unsigned long long)sessions->match.hash);
}

const struct query_statistics *query_sessions_statistics(const struct query_sessions *sessions)
{
    return &sessions->statistics;
}

/* ------------------------------------------------------------------ for query.c */

enum status query_resolve(const struct query_options *options, struct query_match *match,
                          struct error *err)
{
    const struct query_filter *filter = &options->filter;
    if (!filter->worker && !filter->peer && !filter->route && !filter->pool && !filter->user_agent)
        return STATUS_OK;
    struct query_sessions_options ask = {
        .place = options->place,
        .filter = {.from_ns = filter->from_ns,
                   .to_ns = filter->to_ns,
                   .sessions = filter->sessions,
                   .session_count = filter->session_count,
                   .worker = filter->worker,
                   .peer = filter->peer,
                   .route = filter->route,
                   .pool = filter->pool,
                   .user_agent = filter->user_agent},
    };
    struct query_sessions *sessions;
    enum status status = query_sessions_open(&sessions, &ask, err);
    if (status != STATUS_OK)
        return status;
    struct uuid *ids = memory_new((sessions->count + 1) * sizeof *ids);
    for (size_t i = 0; i < sessions->count; i++)
        ids[i] = sessions->sorted[i]->session.session;
    query_match_restrict(match, ids, sessions->count);
    free(ids);
    query_sessions_close(sessions);
    return STATUS_OK;
}
