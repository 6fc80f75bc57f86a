/*
 * read_ahead.c - see read_ahead.h.
 *
 *   loads:   │ given │ done │ done │ being read │ being read │ waiting │  free … │
 *              first                 claimed ──────────────────▲ count ─▲
 *
 * Threads are started when a query has read a few frames and still goes on: most need no more than
 * that. A thread that cannot be started is done without.
 */
#include "lib/query/read_ahead.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/segment/bytes.h"

#define ALONE 3 /* frames read before threads are worth their while */

struct query_read_ahead {
    const struct query_match *match;
    struct query_load *loads;
    size_t room;
    size_t first, count; /* in the circle; the first has been given out when `given` */
    size_t claimed;      /* of them, those that a thread has taken or finished */
    bool given;
    unsigned frames; /* so far */
    ZSTD_DCtx *decompressor;
    unsigned wanted, running; /* threads */
    pthread_t threads[QUERY_THREADS_MAX];
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    bool stop;
};

struct query_read_ahead *query_read_ahead_new(unsigned threads, const struct query_match *match)
{
    ZSTD_DCtx *decompressor = segment_decompressor_new();
    if (!decompressor)
        return NULL;
    struct query_read_ahead *ahead = memory_new(sizeof *ahead);
    ahead->match = match;
    ahead->decompressor = decompressor;
    ahead->wanted = threads < QUERY_THREADS_MAX ? threads : QUERY_THREADS_MAX;
    ahead->room = ahead->wanted ? 2 * ahead->wanted + 1 : 1;
    ahead->loads = memory_new(ahead->room * sizeof *ahead->loads);
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->work, NULL);
    pthread_cond_init(&ahead->done, NULL);
    return ahead;
}

/* ------------------------------------------------------------------ workers */

static struct query_load *load_at(struct query_read_ahead *ahead, size_t i)
{
    return &ahead->loads[(ahead->first + i) % ahead->room];
}

static void *work(void *user)
{
    struct query_read_ahead *ahead = user;
    ZSTD_DCtx *decompressor = segment_decompressor_new();
    pthread_mutex_lock(&ahead->mutex);
    while (!ahead->stop && decompressor) {
        if (ahead->claimed == ahead->count) {
            pthread_cond_wait(&ahead->work, &ahead->mutex);
            continue;
        }
        struct query_load *load = load_at(ahead, ahead->claimed++);
        pthread_mutex_unlock(&ahead->mutex);
        query_load_run(load, decompressor, ahead->match);
        pthread_mutex_lock(&ahead->mutex);
        load->done = true;
        pthread_cond_signal(&ahead->done);
    }
    pthread_mutex_unlock(&ahead->mutex);
    ZSTD_freeDCtx(decompressor);
    return NULL;
}

static void start_threads(struct query_read_ahead *ahead)
{
    while (ahead->running < ahead->wanted) {
        if (pthread_create(&ahead->threads[ahead->running], NULL, work, ahead) != 0)
            break;
        ahead->running++;
    }
    ahead->wanted = ahead->running;
}

/* ------------------------------------------------------------------ the query's side */

/* With the mutex held: room is filled as far as the plan goes. */
static void fill(struct query_read_ahead *ahead, struct query_plan *plan)
{
    size_t most = ahead->running ? ahead->room : 1;
    bool more = true;
    while (more && ahead->count < most) {
        struct query_load *load = load_at(ahead, ahead->count);
        pthread_mutex_unlock(&ahead->mutex); /* files may be opened; nobody else adds loads */
        more = query_plan_next(plan, load);
        pthread_mutex_lock(&ahead->mutex);
        load->done = false;
        ahead->count += more;
        if (more && ahead->running)
            pthread_cond_signal(&ahead->work);
    }
}

static void give_back(struct query_read_ahead *ahead)
{
    if (!ahead->given)
        return;
    query_file_release(load_at(ahead, 0)->file);
    load_at(ahead, 0)->file = NULL;
    ahead->first = (ahead->first + 1) % ahead->room;
    ahead->count--;
    ahead->claimed--;
    ahead->given = false;
}

/* The first load is read: by whoever has claimed it, else here. */
static void finish_first(struct query_read_ahead *ahead)
{
    struct query_load *load = load_at(ahead, 0);
    if (ahead->claimed == 0) {
        ahead->claimed = 1;
        pthread_mutex_unlock(&ahead->mutex);
        query_load_run(load, ahead->decompressor, ahead->match);
        pthread_mutex_lock(&ahead->mutex);
        load->done = true;
    }
    while (!load->done)
        pthread_cond_wait(&ahead->done, &ahead->mutex);
}

struct query_load *query_read_ahead_next(struct query_read_ahead *ahead, struct query_plan *plan)
{
    if (ahead->frames == ALONE && ahead->running < ahead->wanted)
        start_threads(ahead);
    pthread_mutex_lock(&ahead->mutex);
    give_back(ahead);
    fill(ahead, plan);
    ahead->given = ahead->count > 0;
    if (ahead->given)
        finish_first(ahead);
    ahead->frames += ahead->given;
    pthread_mutex_unlock(&ahead->mutex);
    return ahead->given ? load_at(ahead, 0) : NULL;
}

void query_read_ahead_free(struct query_read_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->mutex);
    ahead->stop = true;
    pthread_cond_broadcast(&ahead->work);
    pthread_mutex_unlock(&ahead->mutex);
    for (unsigned i = 0; i < ahead->running; i++)
        pthread_join(ahead->threads[i], NULL);
    for (size_t i = 0; i < ahead->room; i++)
        query_load_close(&ahead->loads[i]);
    pthread_cond_destroy(&ahead->work);
    pthread_cond_destroy(&ahead->done);
    pthread_mutex_destroy(&ahead->mutex);
    ZSTD_freeDCtx(ahead->decompressor);
    free(ahead->loads);
    free(ahead);
}
