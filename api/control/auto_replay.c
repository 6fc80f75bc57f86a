/*
 * auto_replay.c - see auto_replay.h.
 *
 * Submits wait in one list. A free thread takes the one that is due first, sends one repetition,
 * and when others are left the submit goes back with a new time. Of the threads without work one
 * waits for the next time that is due, the others until they are woken.
 */
#include "api/control/auto_replay.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "api/control/recorder_client.h"
#include "api/session/operator_state.h"
#include "api/session/table.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/stratum/scan.h"
#include "lib/stratum/strict.h"

#define STALE_NS   (10 * NS_PER_S) /* a submit that was read later than this is not repeated */
#define APART_NS   (1 * NS_PER_MS) /* at least between two repetitions, */
#define SPREAD_NS  (4 * NS_PER_MS) /* and up to that much more */
#define STOPPING_S 2

struct job {
    struct uuid session;
    struct span line; /* ours */
    uint32_t left;
    int64_t due_ns;
    TAILQ_ENTRY(job) link;
};

struct figures {
    struct uuid session;
    struct auto_replay_figures counts; /* but for `waiting` */
    uint64_t used;
};

struct auto_replay {
    pthread_mutex_t lock;
    pthread_cond_t news, gone;
    char *control_path;
    struct operator_state *state;
    struct session_table *table;
    TAILQ_HEAD(job_list, job) jobs;
    size_t job_count, bytes;
    struct figures figures[AUTO_REPLAY_SESSIONS];
    size_t figure_count;
    uint64_t uses;
    unsigned threads;
    bool timing; /* a thread waits for what is due next */
    bool stop;
    int64_t begun_ns; /* wall time */
};

/* ---- figures ---- */

static struct figures *figures_find(struct auto_replay *auto_replay, const struct uuid *session)
{
    for (size_t i = 0; i < auto_replay->figure_count; i++) {
        if (uuid_equal(&auto_replay->figures[i].session, session))
            return &auto_replay->figures[i];
    }
    return NULL;
}

/* When there are too many, those go that were not touched for longest. */
static struct auto_replay_figures *figures_of(struct auto_replay *auto_replay,
                                              const struct uuid *session)
{
    struct figures *figures = figures_find(auto_replay, session);
    if (!figures && auto_replay->figure_count < AUTO_REPLAY_SESSIONS) {
        figures = &auto_replay->figures[auto_replay->figure_count++];
        *figures = (struct figures){.session = *session};
    }
    if (!figures) {
        figures = auto_replay->figures;
        for (size_t i = 1; i < AUTO_REPLAY_SESSIONS; i++) {
            if (auto_replay->figures[i].used < figures->used)
                figures = &auto_replay->figures[i];
        }
        *figures = (struct figures){.session = *session};
    }
    figures->used = ++auto_replay->uses;
    return &figures->counts;
}

void auto_replay_figures(struct auto_replay *auto_replay, const struct uuid *session,
                         struct auto_replay_figures *out)
{
    const struct job *job;
    (void)pthread_mutex_lock(&auto_replay->lock);
    const struct figures *figures = figures_find(auto_replay, session);
    *out = figures ? figures->counts : (struct auto_replay_figures){0};
    TAILQ_FOREACH(job, &auto_replay->jobs, link)
    out->waiting += uuid_equal(&job->session, session) ? job->left : 0;
    (void)pthread_mutex_unlock(&auto_replay->lock);
}

uint64_t auto_replay_bytes(struct auto_replay *auto_replay)
{
    (void)pthread_mutex_lock(&auto_replay->lock);
    uint64_t bytes = auto_replay->bytes;
    (void)pthread_mutex_unlock(&auto_replay->lock);
    return bytes;
}

/* ---- the list ---- */

static void job_free(struct job *job)
{
    span_free(&job->line);
    free(job);
}

static void unlink_job(struct auto_replay *auto_replay, struct job *job)
{
    TAILQ_REMOVE(&auto_replay->jobs, job, link);
    auto_replay->job_count--;
    auto_replay->bytes -= job->line.len;
}

static void drop_jobs(struct auto_replay *auto_replay, const struct uuid *session)
{
    struct job *next;
    for (struct job *job = TAILQ_FIRST(&auto_replay->jobs); job; job = next) {
        next = TAILQ_NEXT(job, link);
        if (session && !uuid_equal(&job->session, session))
            continue;
        unlink_job(auto_replay, job);
        job_free(job);
    }
}

void auto_replay_drop(struct auto_replay *auto_replay, const struct uuid *session)
{
    (void)pthread_mutex_lock(&auto_replay->lock);
    drop_jobs(auto_replay, session);
    (void)pthread_mutex_unlock(&auto_replay->lock);
}

/* The list is in the order of due times: what comes new is due last, or nearly so. */
static void put(struct auto_replay *auto_replay, struct job *job)
{
    struct job *at = TAILQ_LAST(&auto_replay->jobs, job_list);
    while (at && at->due_ns > job->due_ns)
        at = TAILQ_PREV(at, job_list, link);
    if (at)
        TAILQ_INSERT_AFTER(&auto_replay->jobs, at, job, link);
    else
        TAILQ_INSERT_HEAD(&auto_replay->jobs, job, link);
    auto_replay->job_count++;
    auto_replay->bytes += job->line.len;
    (void)pthread_cond_signal(&auto_replay->news);
}

/* ---- the feed ---- */

/* Also one that only lenient pools read; `scratch` holds it then. */
static bool is_submit(const struct query_row *row, struct stratum_scan *scan,
                      struct buffer *scratch)
{
    struct span bytes;
    if (!row->line.is_message || row->line.direction != DIRECTION_MINER_TO_POOL ||
        row->line.is_fragment || query_row_bytes(row, scratch, &bytes) != STATUS_OK)
        return false;
    stratum_scan_line(scan, bytes.data, bytes.len);
    return scan->kind != STRATUM_OTHER && stratum_is_submit(scan->method);
}

/* Of a session whose beginning was not seen, the submit itself names the worker. */
static void named_by(const struct stratum_scan *scan, char key[OPERATOR_KEY_MAX])
{
    json_t *params = stratum_strict_load(scan->params);
    const json_t *worker = json_array_get(params, 0);
    struct span name = span_text("");
    if (json_is_string(worker))
        name = span_make(json_string_value(worker), json_string_length(worker));
    operator_key(key, name, span_text(""));
    json_decref(params);
}

/* The row comes a moment after the submit passed: it may have been switched on since. A clock that
 * was set back tells nothing. */
static bool was_on(const struct operator_choice *choice, int64_t wall_ns)
{
    int64_t early_ns = clock_between(wall_ns, choice->auto_replay_since);
    return choice->auto_replay && (early_ns <= 0 || early_ns > STALE_NS);
}

/* How often the submit is to be repeated; 0: not at all. */
static uint32_t wanted(struct auto_replay *auto_replay, const struct uuid *session, int64_t wall_ns,
                       const struct stratum_scan *scan)
{
    char key[OPERATOR_KEY_MAX];
    struct operator_choice choice;
    if (!session_table_key(auto_replay->table, session, key))
        named_by(scan, key);
    operator_state_get(auto_replay->state, key, &choice);
    return was_on(&choice, wall_ns) ? choice.auto_replay_count : 0;
}

/* The recorder takes JSON alone: a submit that only lenient pools read cannot be said again. */
static bool can_wait(const struct auto_replay *auto_replay, const struct segment_line *line)
{
    return line->msg.data && line->msg.len <= AUTO_REPLAY_LINE &&
           auto_replay->job_count < AUTO_REPLAY_QUEUE &&
           auto_replay->bytes + line->msg.len <= AUTO_REPLAY_BYTES &&
           clock_between(line->wall_ns, clock_wall_ns()) <= STALE_NS;
}

static void add_submit(struct auto_replay *auto_replay, const struct segment_line *line,
                       const struct stratum_scan *scan)
{
    struct uuid session;
    if (!uuid_parse(&session, line->session.data, line->session.len))
        return;
    uint32_t count = wanted(auto_replay, &session, line->wall_ns, scan);
    if (count == 0)
        return;
    (void)pthread_mutex_lock(&auto_replay->lock);
    if (!can_wait(auto_replay, line)) {
        figures_of(auto_replay, &session)->failed += count;
    } else {
        struct job *job = memory_new(sizeof *job);
        *job = (struct job){
            .session = session,
            .line = span_copy(line->msg),
            .left = count,
            .due_ns = clock_mono_ns() + APART_NS,
        };
        put(auto_replay, job);
    }
    (void)pthread_mutex_unlock(&auto_replay->lock);
}

void auto_replay_add(struct auto_replay *auto_replay, const struct query_row *row)
{
    struct stratum_scan scan;
    struct buffer scratch = {0};
    if (!operator_state_repeats(auto_replay->state) || row->line.wall_ns < auto_replay->begun_ns)
        return;
    if (is_submit(row, &scan, &scratch))
        add_submit(auto_replay, &row->line, &scan);
    buffer_close(&scratch);
}

/* ---- the threads ---- */

enum outcome { OUTCOME_ACCEPTED, OUTCOME_REJECTED, OUTCOME_FAILED, OUTCOME_GONE };

static enum outcome send_one(const char *control_path, const struct uuid *session, struct span line)
{
    struct stratum_scan scan;
    struct error err;
    json_t *answer;
    json_t *command = recorder_command("inject", session, line);
    enum status status = recorder_call(control_path, command, RECORDER_INJECT_MS, &answer, &err);
    if (status != STATUS_OK)
        return status == STATUS_CLOSED ? OUTCOME_GONE : OUTCOME_FAILED;
    const json_t *text = json_object_get(answer, "answer");
    enum outcome outcome = recorder_says_closed(answer) ? OUTCOME_GONE : OUTCOME_FAILED;
    if (json_is_string(text)) {
        stratum_scan_line(&scan, json_string_value(text), json_string_length(text));
        outcome = scan.error ? OUTCOME_REJECTED : OUTCOME_ACCEPTED;
    }
    json_decref(answer);
    return outcome;
}

static void count(struct auto_replay *auto_replay, const struct uuid *session, enum outcome outcome)
{
    struct auto_replay_figures *figures = figures_of(auto_replay, session);
    figures->sent += outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_REJECTED;
    figures->accepted += outcome == OUTCOME_ACCEPTED;
    figures->rejected += outcome == OUTCOME_REJECTED;
    figures->failed += outcome == OUTCOME_FAILED || outcome == OUTCOME_GONE;
}

/* One repetition of what is first in the list. The lock is held but while it is sent. */
static void work(struct auto_replay *auto_replay)
{
    struct job *job = TAILQ_FIRST(&auto_replay->jobs);
    struct uuid session = job->session;
    struct span line = span_copy(job->line);
    unlink_job(auto_replay, job);
    if (--job->left > 0) {
        job->due_ns = clock_mono_ns() + APART_NS + (int64_t)(random_u64() % SPREAD_NS);
        put(auto_replay, job);
    } else {
        job_free(job);
    }
    (void)pthread_mutex_unlock(&auto_replay->lock);
    enum outcome outcome = send_one(auto_replay->control_path, &session, line);
    span_free(&line);
    (void)pthread_mutex_lock(&auto_replay->lock);
    count(auto_replay, &session, outcome);
    if (outcome == OUTCOME_GONE)
        drop_jobs(auto_replay, &session);
}

static void wait_for_news(struct auto_replay *auto_replay)
{
    const struct job *first = TAILQ_FIRST(&auto_replay->jobs);
    if (!first || auto_replay->timing) {
        (void)pthread_cond_wait(&auto_replay->news, &auto_replay->lock);
        return;
    }
    const struct timespec until = {first->due_ns / NS_PER_S, first->due_ns % NS_PER_S};
    auto_replay->timing = true;
    (void)pthread_cond_timedwait(&auto_replay->news, &auto_replay->lock, &until);
    auto_replay->timing = false;
}

static void destroy(struct auto_replay *auto_replay)
{
    drop_jobs(auto_replay, NULL);
    (void)pthread_cond_destroy(&auto_replay->news);
    (void)pthread_cond_destroy(&auto_replay->gone);
    (void)pthread_mutex_unlock(&auto_replay->lock);
    (void)pthread_mutex_destroy(&auto_replay->lock);
    free(auto_replay->control_path);
    free(auto_replay);
}

static void *run(void *user)
{
    struct auto_replay *auto_replay = user;
    (void)pthread_mutex_lock(&auto_replay->lock);
    while (!auto_replay->stop) {
        const struct job *first = TAILQ_FIRST(&auto_replay->jobs);
        if (first && first->due_ns <= clock_mono_ns()) {
            (void)pthread_cond_signal(&auto_replay->news); /* somebody else sees to the next one */
            work(auto_replay);
        } else {
            wait_for_news(auto_replay);
        }
    }
    auto_replay->threads--;
    (void)pthread_cond_signal(&auto_replay->gone);
    (void)pthread_mutex_unlock(&auto_replay->lock);
    return NULL;
}

/* ---- starting and ending ---- */

enum status auto_replay_new(struct auto_replay **out, const char *control_path,
                            struct operator_state *state, struct session_table *table,
                            struct error *err)
{
    struct auto_replay *auto_replay = memory_new(sizeof *auto_replay);
    pthread_condattr_t monotonic;
    pthread_t thread;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&auto_replay->news, &monotonic);
    (void)pthread_cond_init(&auto_replay->gone, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&auto_replay->lock, NULL);
    TAILQ_INIT(&auto_replay->jobs);
    auto_replay->control_path = memory_text(control_path);
    auto_replay->state = state;
    auto_replay->table = table;
    auto_replay->begun_ns = clock_wall_ns();
    *out = auto_replay;
    (void)pthread_mutex_lock(&auto_replay->lock);
    while (auto_replay->threads < AUTO_REPLAY_THREADS &&
           pthread_create(&thread, NULL, run, auto_replay) == 0) {
        (void)pthread_detach(thread);
        auto_replay->threads++;
    }
    bool started = auto_replay->threads > 0;
    (void)pthread_mutex_unlock(&auto_replay->lock);
    return started ? STATUS_OK : error_set(err, STATUS_FULL, "starting the threads of auto-replay");
}

/* A thread may wait half a minute for a pool's answer; what it needs is left to it then: the
 * process ends. */
void auto_replay_free(struct auto_replay *auto_replay)
{
    struct timespec until;
    if (!auto_replay)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOPPING_S;
    (void)pthread_mutex_lock(&auto_replay->lock);
    auto_replay->stop = true;
    (void)pthread_cond_broadcast(&auto_replay->news);
    int late = 0;
    while (auto_replay->threads > 0 && late == 0)
        late = pthread_cond_timedwait(&auto_replay->gone, &auto_replay->lock, &until);
    if (auto_replay->threads == 0)
        destroy(auto_replay);
    else
        (void)pthread_mutex_unlock(&auto_replay->lock);
}
