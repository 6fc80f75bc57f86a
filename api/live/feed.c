/*
 * feed.c - one following query, asked again every few milliseconds.
 *
 * How it works: the query begins so far back that the live index can be filled (rows from before
 * the start are not published), then follows. While there is no ring, or the query fails (the data
 * directory is another one now), it is opened anew every REOPEN_MS, behind the last number seen.
 *
 * How it can fail: nothing here ends the program; what goes wrong is logged, once a minute at most.
 */
#include "api/live/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "api/live/subscription.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#define POLL_MS     5
#define IDLE_MS     15 /* when nothing has come for IDLE_AFTER polls */
#define IDLE_AFTER  200
#define REOPEN_MS   250
#define ROWS_A_TURN 256 /* between two flushes */

struct feed {
    struct feed_options options;
    pthread_t thread;
    atomic_bool stop, connected;
    atomic_ullong rows, messages, missed, reopened, last_seq;
    struct query *query;
    struct stat ring;         /* the file that the query was opened with */
    uint64_t newest_at_start; /* rows up to here are not published */
    uint64_t instance;
    struct buffer bytes;
    struct log_limit limit;
};

/* ---- opening ---- */

static bool look_at_ring(const struct feed *feed, struct stat *out)
{
    return feed->options.ring_path != NULL && stat(feed->options.ring_path, out) == 0;
}

static bool is_other_ring(const struct feed *feed)
{
    struct stat now;

    return !look_at_ring(feed, &now) || now.st_ino != feed->ring.st_ino ||
           now.st_dev != feed->ring.st_dev;
}

static uint64_t find_newest(const struct feed *feed)
{
    const struct query_options options = {
        .place = {feed->options.data_dir, feed->options.ring_path, 0},
        .order = QUERY_NEWEST_FIRST,
        .bare = true};
    struct query *query = NULL;
    struct query_row row;
    uint64_t seq = 0;

    if (query_open(&query, &options, NULL) != STATUS_OK)
        return 0;
    if (query_next(query, &row, NULL) == STATUS_OK)
        seq = row.line.seq;
    query_close(query);
    return seq;
}

static uint64_t first_wanted(struct feed *feed)
{
    uint64_t last = atomic_load(&feed->last_seq);

    if (last > 0)
        return last + 1;
    feed->newest_at_start = find_newest(feed);
    return feed->newest_at_start > feed->options.backlog
               ? feed->newest_at_start - feed->options.backlog + 1
               : 1;
}

static bool open_query(struct feed *feed)
{
    struct query_options options = {
        .place = {feed->options.data_dir, feed->options.ring_path, 0},
        .filter = {.what = QUERY_MESSAGES | QUERY_EVENTS, .no_scraps = true},
        .follow = true};
    struct error err = {""};

    if (!look_at_ring(feed, &feed->ring))
        return false;
    options.filter.first_seq = first_wanted(feed);
    if (query_open(&feed->query, &options, &err) == STATUS_OK)
        return true;
    if (log_limit_pass(&feed->limit, 1))
        log_warn("following the live ring: %s", err.text);
    feed->query = NULL;
    return false;
}

static void close_query(struct feed *feed)
{
    if (feed->query == NULL)
        return;
    query_close(feed->query);
    feed->query = NULL;
    atomic_fetch_add(&feed->reopened, 1);
}

/* ---- rows ---- */

static void publish(struct feed *feed, const struct query_row *row)
{
    struct subscription_message message = {
        .row = row, .write_message = feed->options.write_message, .user = feed->options.user};

    if (query_row_bytes(row, &feed->bytes, &message.bytes) != STATUS_OK)
        message.bytes = span_make("", 0);
    subscriptions_publish(feed->options.subscriptions, &message);
    atomic_fetch_add(&feed->messages, 1);
}

static void take_row(struct feed *feed, const struct query_row *row)
{
    bool is_new = row->line.seq > feed->newest_at_start;

    if (row->missed > 0 && atomic_load(&feed->rows) > 0) {
        atomic_fetch_add(&feed->missed, row->missed);
        subscriptions_missed(feed->options.subscriptions, row->missed);
    }
    if (row->instance != feed->instance) {
        if (feed->instance != 0)
            log_info("the recorder began a new series");
        feed->instance = row->instance;
    }
    atomic_fetch_add(&feed->rows, 1);
    atomic_store(&feed->last_seq, row->line.seq);
    if (feed->options.on_row != NULL)
        feed->options.on_row(feed->options.user, row);
    if (is_new && row->line.is_message && subscriptions_count(feed->options.subscriptions) > 0)
        publish(feed, row);
}

/* Rows that are there; the number taken. */
static unsigned take_rows(struct feed *feed)
{
    struct error err = {""};
    struct query_row row;
    enum status status = STATUS_OK;
    unsigned taken = 0;

    while (taken < ROWS_A_TURN && (status = query_next(feed->query, &row, &err)) == STATUS_OK) {
        take_row(feed, &row);
        taken++;
    }
    if (taken > 0)
        subscriptions_flush(feed->options.subscriptions);
    if (status != STATUS_OK && status != STATUS_END) {
        if (log_limit_pass(&feed->limit, 1))
            log_warn("following the live ring: %s", err.text);
        close_query(feed);
    }
    return taken;
}

/* ---- the thread ---- */

static void rest(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * NS_PER_MS};

    nanosleep(&pause, NULL);
}

static void follow(struct feed *feed)
{
    unsigned idle = 0;

    while (!atomic_load(&feed->stop) && feed->query != NULL) {
        unsigned taken = take_rows(feed);

        idle = taken > 0 ? 0 : idle + 1;
        if (idle > 0 && idle % IDLE_AFTER == 0 && is_other_ring(feed))
            close_query(feed);
        if (taken < ROWS_A_TURN)
            rest(idle < IDLE_AFTER ? POLL_MS : IDLE_MS);
    }
}

static void *run(void *user)
{
    struct feed *feed = user;

    while (!atomic_load(&feed->stop)) {
        if (open_query(feed)) {
            atomic_store(&feed->connected, true);
            follow(feed);
            atomic_store(&feed->connected, false);
        }
        if (!atomic_load(&feed->stop))
            rest(REOPEN_MS);
    }
    if (feed->query != NULL)
        query_close(feed->query);
    return NULL;
}

enum status feed_start(struct feed **out, const struct feed_options *options, struct error *err)
{
    struct feed *feed = memory_new(sizeof *feed);

    feed->options = *options;
    *out = feed;
    if (pthread_create(&feed->thread, NULL, run, feed) == 0)
        return STATUS_OK;
    free(feed);
    *out = NULL;
    return error_set(err, STATUS_FULL, "starting the feed's thread");
}

void feed_stop(struct feed *feed)
{
    if (feed == NULL)
        return;
    atomic_store(&feed->stop, true);
    pthread_join(feed->thread, NULL);
    buffer_close(&feed->bytes);
    free(feed);
}

void feed_facts(const struct feed *feed, struct feed_facts *out)
{
    *out = (struct feed_facts){.rows = atomic_load(&feed->rows),
                               .messages = atomic_load(&feed->messages),
                               .missed = atomic_load(&feed->missed),
                               .reopened = atomic_load(&feed->reopened),
                               .last_seq = atomic_load(&feed->last_seq),
                               .connected = atomic_load(&feed->connected)};
}
