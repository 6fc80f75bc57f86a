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
    struct repeater_figures counts; /* but for `waiting` */
    uint64_t used;
};

struct repeater {
    pthread_mutex_t lock;
    pthread_cond_t news, gone;
    char *control_path;
    struct operator_state *state;
    struct session_book *book;
    TAILQ_HEAD(job_list, job) jobs;
    size_t job_count, bytes;
    struct figures figures[REPEATER_SESSIONS];
    size_t figure_count;
    uint64_t uses;
    unsigned threads;
    bool timing; /* a thread waits for what is due next */
    bool stop;
    int64_t begun_ns; /* wall time */
};

/* ---- figures ---- */

static struct figures *figures_find(struct repeater *repeater, const struct uuid *session)
{
    for (size_t i = 0; i < repeater->figure_count; i++) {
        if (uuid_equal(&repeater->figures[i].session, session))
            return &repeater->figures[i];
    }
    return NULL;
}

/* When there are too many, those go that were not touched for longest. */
static struct repeater_figures *figures_of(struct repeater *repeater, const struct uuid *session)
{
    struct figures *figures = figures_find(repeater, session);
    if (!figures && repeater->figure_count < REPEATER_SESSIONS) {
        figures = &repeater->figures[repeater->figure_count++];
        *figures = (struct figures){.session = *session};
    }
    if (!figures) {
        figures = repeater->figures;
        for (size_t i = 1; i < REPEATER_SESSIONS; i++) {
            if (repeater->figures[i].used < figures->used)
                figures = &repeater->figures[i];
        }
        *figures = (struct figures){.session = *session};
    }
    figures->used = ++repeater->uses;
    return &figures->counts;
}

void repeater_figures(struct repeater *repeater, const struct uuid *session,
                      struct repeater_figures *out)
{
    const struct job *job;
    (void)pthread_mutex_lock(&repeater->lock);
    const struct figures *figures = figures_find(repeater, session);
    *out = figures ? figures->counts : (struct repeater_figures){0};
    TAILQ_FOREACH(job, &repeater->jobs, link)
    out->waiting += uuid_equal(&job->session, session) ? job->left : 0;
    (void)pthread_mutex_unlock(&repeater->lock);
}

uint64_t repeater_bytes(struct repeater *repeater)
{
    (void)pthread_mutex_lock(&repeater->lock);
    uint64_t bytes = repeater->bytes;
    (void)pthread_mutex_unlock(&repeater->lock);
    return bytes;
}

/* ---- the list ---- */

static void job_free(struct job *job)
{
    span_free(&job->line);
    free(job);
}

static void unlink_job(struct repeater *repeater, struct job *job)
{
    TAILQ_REMOVE(&repeater->jobs, job, link);
    repeater->job_count--;
    repeater->bytes -= job->line.len;
}

static void drop_jobs(struct repeater *repeater, const struct uuid *session)
{
    struct job *next;
    for (struct job *job = TAILQ_FIRST(&repeater->jobs); job; job = next) {
        next = TAILQ_NEXT(job, link);
        if (session && !uuid_equal(&job->session, session))
            continue;
        unlink_job(repeater, job);
        job_free(job);
    }
}

void repeater_drop(struct repeater *repeater, const struct uuid *session)
{
    (void)pthread_mutex_lock(&repeater->lock);
    drop_jobs(repeater, session);
    (void)pthread_mutex_unlock(&repeater->lock);
}

/* The list is in the order of due times: what comes new is due last, or nearly so. */
static void put(struct repeater *repeater, struct job *job)
{
    struct job *at = TAILQ_LAST(&repeater->jobs, job_list);
    while (at && at->due_ns > job->due_ns)
        at = TAILQ_PREV(at, job_list, link);
    if (at)
        TAILQ_INSERT_AFTER(&repeater->jobs, at, job, link);
    else
        TAILQ_INSERT_HEAD(&repeater->jobs, job, link);
    repeater->job_count++;
    repeater->bytes += job->line.len;
    (void)pthread_cond_signal(&repeater->news);
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
static uint32_t wanted(struct repeater *repeater, const struct uuid *session, int64_t wall_ns,
                       const struct stratum_scan *scan)
{
    char key[OPERATOR_KEY_MAX];
    struct operator_choice choice;
    if (!session_book_key(repeater->book, session, key))
        named_by(scan, key);
    operator_state_get(repeater->state, key, &choice);
    return was_on(&choice, wall_ns) ? choice.auto_replay_count : 0;
}

/* The recorder takes JSON alone: a submit that only lenient pools read cannot be said again. */
static bool can_wait(const struct repeater *repeater, const struct segment_line *line)
{
    return line->msg.data && line->msg.len <= REPEATER_LINE &&
           repeater->job_count < REPEATER_QUEUE &&
           repeater->bytes + line->msg.len <= REPEATER_BYTES &&
           clock_between(line->wall_ns, clock_wall_ns()) <= STALE_NS;
}

static void add_submit(struct repeater *repeater, const struct segment_line *line,
                       const struct stratum_scan *scan)
{
    struct uuid session;
    if (!uuid_parse(&session, line->session.data, line->session.len))
        return;
    uint32_t count = wanted(repeater, &session, line->wall_ns, scan);
    if (count == 0)
        return;
    (void)pthread_mutex_lock(&repeater->lock);
    if (!can_wait(repeater, line)) {
        figures_of(repeater, &session)->failed += count;
    } else {
        struct job *job = memory_new(sizeof *job);
        *job = (struct job){
            .session = session,
            .line = span_copy(line->msg),
            .left = count,
            .due_ns = clock_mono_ns() + APART_NS,
        };
        put(repeater, job);
    }
    (void)pthread_mutex_unlock(&repeater->lock);
}

void repeater_add(struct repeater *repeater, const struct query_row *row)
{
    struct stratum_scan scan;
    struct buffer scratch = {0};
    if (!operator_state_repeats(repeater->state) || row->line.wall_ns < repeater->begun_ns)
        return;
    if (is_submit(row, &scan, &scratch))
        add_submit(repeater, &row->line, &scan);
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

static void count(struct repeater *repeater, const struct uuid *session, enum outcome outcome)
{
    struct repeater_figures *figures = figures_of(repeater, session);
    figures->sent += outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_REJECTED;
    figures->accepted += outcome == OUTCOME_ACCEPTED;
    figures->rejected += outcome == OUTCOME_REJECTED;
    figures->failed += outcome == OUTCOME_FAILED || outcome == OUTCOME_GONE;
}

/* One repetition of what is first in the list. The lock is held but while it is sent. */
static void work(struct repeater *repeater)
{
    struct job *job = TAILQ_FIRST(&repeater->jobs);
    struct uuid session = job->session;
    struct span line = span_copy(job->line);
    unlink_job(repeater, job);
    if (--job->left > 0) {
        job->due_ns = clock_mono_ns() + APART_NS + (int64_t)(random_u64() % SPREAD_NS);
        put(repeater, job);
    } else {
        job_free(job);
    }
    (void)pthread_mutex_unlock(&repeater->lock);
    enum outcome outcome = send_one(repeater->control_path, &session, line);
    span_free(&line);
    (void)pthread_mutex_lock(&repeater->lock);
    count(repeater, &session, outcome);
    if (outcome == OUTCOME_GONE)
        drop_jobs(repeater, &session);
}

static void wait_for_news(struct repeater *repeater)
{
    const struct job *first = TAILQ_FIRST(&repeater->jobs);
    if (!first || repeater->timing) {
        (void)pthread_cond_wait(&repeater->news, &repeater->lock);
        return;
    }
    const struct timespec until = {first->due_ns / NS_PER_S, first->due_ns % NS_PER_S};
    repeater->timing = true;
    (void)pthread_cond_timedwait(&repeater->news, &repeater->lock, &until);
    repeater->timing = false;
}

static void destroy(struct repeater *repeater)
{
    drop_jobs(repeater, NULL);
    (void)pthread_cond_destroy(&repeater->news);
    (void)pthread_cond_destroy(&repeater->gone);
    (void)pthread_mutex_unlock(&repeater->lock);
    (void)pthread_mutex_destroy(&repeater->lock);
    free(repeater->control_path);
    free(repeater);
}

static void *run(void *user)
{
    struct repeater *repeater = user;
    (void)pthread_mutex_lock(&repeater->lock);
    while (!repeater->stop) {
        const struct job *first = TAILQ_FIRST(&repeater->jobs);
        if (first && first->due_ns <= clock_mono_ns()) {
            (void)pthread_cond_signal(&repeater->news); /* somebody else sees to the next one */
            work(repeater);
        } else {
            wait_for_news(repeater);
        }
    }
    repeater->threads--;
    (void)pthread_cond_signal(&repeater->gone);
    (void)pthread_mutex_unlock(&repeater->lock);
    return NULL;
}

/* ---- starting and ending ---- */

enum status repeater_new(struct repeater **out, const char *control_path,
                         struct operator_state *state, struct session_book *book, struct error *err)
{
    struct repeater *repeater = memory_new(sizeof *repeater);
    pthread_condattr_t monotonic;
    pthread_t thread;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&repeater->news, &monotonic);
    (void)pthread_cond_init(&repeater->gone, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&repeater->lock, NULL);
    TAILQ_INIT(&repeater->jobs);
    repeater->control_path = memory_text(control_path);
    repeater->state = state;
    repeater->book = book;
    repeater->begun_ns = clock_wall_ns();
    *out = repeater;
    (void)pthread_mutex_lock(&repeater->lock);
    while (repeater->threads < REPEATER_THREADS &&
           pthread_create(&thread, NULL, run, repeater) == 0) {
        (void)pthread_detach(thread);
        repeater->threads++;
    }
    bool started = repeater->threads > 0;
    (void)pthread_mutex_unlock(&repeater->lock);
    return started ? STATUS_OK : error_set(err, STATUS_FULL, "starting the threads of auto-replay");
}

/* A thread may wait half a minute for a pool's answer; what it needs is left to it then: the
 * process ends. */
void repeater_free(struct repeater *repeater)
{
    struct timespec until;
    if (!repeater)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOPPING_S;
    (void)pthread_mutex_lock(&repeater->lock);
    repeater->stop = true;
    (void)pthread_cond_broadcast(&repeater->news);
    int late = 0;
    while (repeater->threads > 0 && late == 0)
        late = pthread_cond_timedwait(&repeater->gone, &repeater->lock, &until);
    if (repeater->threads == 0)
        destroy(repeater);
    else
        (void)pthread_mutex_unlock(&repeater->lock);
}
