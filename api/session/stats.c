/* stats.c - see stats.h. */
#include "api/session/stats.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request/json_out.h"
#include "api/session/events.h"
#include "api/session/series.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/stratum/message.h"
#include "lib/stratum/strict.h"

#define TURN_NS  (1500 * NS_PER_MS) /* reading, at most, for one request */
#define FRESH_NS (500 * NS_PER_MS)  /* as long nothing is read again */
#define REASONS  32                 /* the last is for all that find no room */

struct reason {
    char code[40]; /* the number as it was sent; "": none, or a longer one */
    char text[120];
    uint64_t count;
};

struct session_stats {
    /* the keeper's */
    pthread_mutex_t lock;
    unsigned users;
    uint64_t used; /* when, as a count */
    bool kept;
    /* the lock's */
    struct uuid session;
    uint64_t instance; /* of the import that it is in; 0: none */
    char cursor[QUERY_CURSOR_BYTES];
    bool complete, ended;
    int64_t read_ns; /* monotonic, when it was read last; 0: never */
    struct session_view view;
    struct latency latency;
    struct series series;
    struct session_events events;
    double work;
    struct reason reasons[REASONS];
    size_t reason_count;
};

struct stats_keeper {
    pthread_mutex_t lock;
    struct session_stats *kept[STATS_KEPT];
    uint64_t uses;
};

/* ---- lines ---- */

static bool is_same(const struct reason *a, const struct reason *b)
{
    return strcmp(a->code, b->code) == 0 && strcmp(a->text, b->text) == 0;
}

static void fill_reason(struct reason *out, struct span bytes)
{
    json_t *message = stratum_exact_load(bytes);
    struct stratum_reason told = {0};
    struct buffer code = {0};
    if (message)
        stratum_message_reason(&told, message);
    if (told.code)
        stratum_exact_dump(&code, told.code);
    if (code.len > 0 && code.len < sizeof out->code)
        memcpy(out->code, code.data, code.len);
    text_fill(out->text, sizeof out->text, told.text);
    buffer_close(&code);
    json_decref(message);
}

static void count_reason(struct session_stats *stats, const struct session_step *step)
{
    struct reason reason = {0};
    size_t i = 0;
    fill_reason(&reason, step->bytes);
    while (i < stats->reason_count && !is_same(&stats->reasons[i], &reason))
        i++;
    if (i == REASONS) {
        i = REASONS - 1;
        stats->reasons[i].code[0] = '\0';
        (void)snprintf(stats->reasons[i].text, sizeof reason.text, "others");
    } else if (i == stats->reason_count) {
        stats->reasons[stats->reason_count++] = reason;
    }
    stats->reasons[i].count++;
}

static void take_share(struct session_stats *stats, const struct segment_line *line,
                       const struct session_step *step)
{
    const struct series_share share = {line->wall_ns, line->latency_us, !step->refused,
                                       stats->view.difficulty};
    series_add(&stats->series, &share);
    if (step->refused)
        count_reason(stats, step);
    else
        stats->work += stats->view.difficulty;
}

static void take_line(struct session_stats *stats, const struct segment_line *line)
{
    struct session_step step = {.scratch = {0}};
    session_view_add(&stats->view, line, &step);
    session_events_add(&stats->events, line, &step, &stats->view);
    series_reach(&stats->series, line->wall_ns, step.new_difficulty ? stats->view.difficulty : 0);
    stats->ended = stats->ended || span_equal_text(line->event, "closed");
    if (line->paired && line->direction == DIRECTION_POOL_TO_MINER)
        latency_add(&stats->latency, line->latency_us);
    if (step.share_answer)
        take_share(stats, line, &step);
    buffer_close(&step.scratch);
}

static void forget(struct session_stats *stats)
{
    session_view_close(&stats->view);
    series_close(&stats->series);
    session_events_close(&stats->events);
    stats->latency = (struct latency){0};
    stats->cursor[0] = '\0';
    stats->complete = stats->ended = false;
    stats->read_ns = 0;
    stats->work = 0;
    memset(stats->reasons, 0, sizeof stats->reasons);
    stats->reason_count = 0;
}

static enum status read_lines(struct session_stats *stats, struct query *query, struct error *err)
{
    int64_t until_ns = clock_mono_ns() + TURN_NS;
    struct query_row row;
    enum status status = STATUS_OK;
    unsigned rows = 0;
    while ((++rows % 16 != 0 || clock_mono_ns() < until_ns) &&
           (status = query_next(query, &row, err)) == STATUS_OK)
        take_line(stats, &row.line);
    query_cursor(query, stats->cursor);
    stats->complete = status == STATUS_END;
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status update(struct session_stats *stats, const struct query_place *place,
                          struct error *err)
{
    struct query_options options = {.place = *place};
    struct query *query;
    int64_t now_ns = clock_mono_ns();
    if (stats->read_ns && stats->complete && (stats->ended || now_ns - stats->read_ns < FRESH_NS))
        return STATUS_OK;
    options.filter.sessions = &stats->session;
    options.filter.session_count = 1;
    options.filter.from_ns = session_begin_ns(&stats->session);
    options.cursor = stats->read_ns ? stats->cursor : NULL;
    enum status status = query_open(&query, &options, err);
    if (options.cursor && (status == STATUS_NOT_FOUND || status == STATUS_INVALID)) {
        forget(stats); /* the recordings are others now */
        options.cursor = NULL;
        status = query_open(&query, &options, err);
    }
    if (status != STATUS_OK)
        return status;
    status = read_lines(stats, query, err);
    stats->read_ns = clock_mono_ns();
    query_close(query);
    return status;
}

/* ---- the keeper ---- */

struct stats_keeper *stats_keeper_new(void)
{
    struct stats_keeper *keeper = memory_new(sizeof *keeper);
    (void)pthread_mutex_init(&keeper->lock, NULL);
    return keeper;
}

static void stats_free(struct session_stats *stats)
{
    if (!stats)
        return;
    forget(stats);
    (void)pthread_mutex_destroy(&stats->lock);
    free(stats);
}

void stats_keeper_free(struct stats_keeper *keeper)
{
    if (!keeper)
        return;
    for (size_t i = 0; i < STATS_KEPT; i++)
        stats_free(keeper->kept[i]);
    (void)pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

size_t stats_kept(struct stats_keeper *keeper)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < STATS_KEPT; i++)
        count += keeper->kept[i] != NULL;
    (void)pthread_mutex_unlock(&keeper->lock);
    return count;
}

/* A place that is free, or that of the session not asked for for longest; NULL: all are in use. */
static struct session_stats **place_for(struct stats_keeper *keeper)
{
    struct session_stats **best = NULL;
    for (size_t i = 0; i < STATS_KEPT; i++) {
        struct session_stats **at = &keeper->kept[i];
        if (!*at)
            return at;
        if ((*at)->users == 0 && (!best || (*at)->used < (*best)->used))
            best = at;
    }
    return best;
}

static struct session_stats *find_or_make(struct stats_keeper *keeper, uint64_t instance,
                                          const struct uuid *session)
{
    struct session_stats *stats = NULL;
    (void)pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < STATS_KEPT && !stats; i++) {
        if (keeper->kept[i] && keeper->kept[i]->instance == instance &&
            uuid_equal(&keeper->kept[i]->session, session))
            stats = keeper->kept[i];
    }
    if (!stats) {
        struct session_stats **place = place_for(keeper);
        stats = memory_new(sizeof *stats);
        (void)pthread_mutex_init(&stats->lock, NULL);
        stats->session = *session;
        stats->instance = instance;
        stats->kept = place != NULL;
        if (place) {
            stats_free(*place);
            *place = stats;
        }
    }
    stats->users++;
    stats->used = ++keeper->uses;
    (void)pthread_mutex_unlock(&keeper->lock);
    return stats;
}

struct session_stats *stats_borrow(struct stats_keeper *keeper, const struct query_place *place,
                                   const struct uuid *session, enum status *status,
                                   struct error *err)
{
    struct session_stats *stats = find_or_make(keeper, place->series, session);
    (void)pthread_mutex_lock(&stats->lock);
    *status = update(stats, place, err);
    if (*status == STATUS_OK)
        return stats;
    stats_return(keeper, stats);
    return NULL;
}

void stats_return(struct stats_keeper *keeper, struct session_stats *stats)
{
    (void)pthread_mutex_unlock(&stats->lock);
    (void)pthread_mutex_lock(&keeper->lock);
    bool last = --stats->users == 0 && !stats->kept;
    (void)pthread_mutex_unlock(&keeper->lock);
    if (last)
        stats_free(stats);
}

bool stats_complete(const struct session_stats *stats)
{
    return stats->complete;
}

const struct session_view *stats_view(const struct session_stats *stats)
{
    return &stats->view;
}

/* ---- writing ---- */

static void write_reasons(const struct session_stats *stats, struct buffer *out)
{
    out_name(out, "rejected_by_code");
    buffer_append_char(out, '[');
    for (size_t i = 0; i < stats->reason_count; i++) {
        const struct reason *reason = &stats->reasons[i];
        out_comma(out);
        buffer_append_char(out, '{');
        out_name(out, "code");
        buffer_append_text(out, reason->code[0] ? reason->code : "null");
        out_text(out, "text", span_text(reason->text));
        out_u64(out, "count", reason->count);
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, ']');
}

static void write_latency(const struct latency *latency, struct buffer *out)
{
    out_name(out, "latency_ms");
    buffer_append_char(out, '{');
    out_u64(out, "count", latency->count);
    out_number(out, "p50", latency_percentile(latency, 0.5), 6);
    out_number(out, "p90", latency_percentile(latency, 0.9), 6);
    out_number(out, "p99", latency_percentile(latency, 0.99), 6);
    out_number(out, "max", latency_max(latency), 6);
    out_number(out, "mean", latency_mean(latency), 6);
    buffer_append_char(out, '}');
}

/* By the session's own time where all of it was read. */
static double hashrate(const struct session_stats *stats, const struct query_session *session)
{
    int64_t ns = stats->complete && session->lasted_steady
                     ? session->lasted_ns
                     : clock_between(stats->view.first_ns, stats->view.last_ns);
    double seconds = (double)ns / (double)NS_PER_S;
    return stats->work > 0 && seconds > 0 ? stats->work * SERIES_HASHES / seconds : -1;
}

void stats_write(const struct session_stats *stats, const struct query_session *session,
                 struct buffer *out)
{
    const struct session_view *view = &stats->view;
    uint64_t total = 0;
    for (int i = 0; i < DIRECTION_COUNT; i++)
        total += view->messages[i];
    out_name(out, "stats");
    buffer_append_char(out, '{');
    out_u64(out, "total", total);
    out_name(out, "per_direction");
    buffer_append_char(out, '{');
    for (int i = 0; i < DIRECTION_COUNT; i++)
        out_u64(out, direction_name((enum direction)i), view->messages[i]);
    buffer_append_char(out, '}');
    out_u64(out, "parse_errors", view->parse_errors);
    out_u64(out, "submits", view->submits);
    out_u64(out, "accepted", view->accepted);
    out_u64(out, "rejected", view->rejected);
    write_reasons(stats, out);
    write_latency(&stats->latency, out);
    out_number(out, "hashrate_estimate", hashrate(stats, session), 6);
    out_bool(out, "complete", stats->complete);
    buffer_append_char(out, '}');
    series_write(&stats->series, out);
    session_events_write(&stats->events, out);
}
