/*
 * recorder_watch.c - one question after the other, on a thread of its own.
 *
 * A recorder that is stuck keeps the thread for WATCH_ANSWER_MS; whoever looks meanwhile is told so
 * as soon as the question is older than half of that. The status tree is handed out by copy, since
 * jansson's counts are no one else's business.
 *
 * How it can fail: the recorder is not there, does not answer, or says something else than an
 * object: all are `error`.
 */
#include "api/control/recorder_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/event/local.h"

#define STUCK_NS (WATCH_ANSWER_MS / 2 * NS_PER_MS)

struct recorder_watch {
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t told;  /* there is a first answer, or it is to stop */
    bool stop, running;
    char *control_path; /* never changes */
    json_t *status;
    char error[256];
    uint64_t asked, missing;
    int64_t asking_ns; /* since when the present question waits; 0: none does */
    uint64_t records_lost, lost;
    bool counting; /* records_lost has been seen */
    int64_t lost_ns;
};

/* ---- asking ---- */

static bool on_line(void *user, const char *line, size_t len)
{
    json_t **answer = user;
    json_decref(*answer);
    *answer = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    return true;
}

static enum status ask(const struct recorder_watch *watch, json_t **answer, struct error *err)
{
    const char *said;
    enum status status = local_client_call(watch->control_path, "{\"command\":\"status\"}",
                                           WATCH_ANSWER_MS, on_line, answer, err);
    if (status == STATUS_NOT_FOUND || status == STATUS_CLOSED)
        return error_set(err, STATUS_NOT_FOUND, "the recorder is not running");
    if (status == STATUS_TIMEOUT)
        return error_set(err, status, "the recorder does not answer");
    if (status != STATUS_OK)
        return error_wrap(err, status, "asking the recorder");
    said = json_string_value(json_object_get(*answer, "error"));
    if (said || !json_is_object(*answer))
        return error_set(err, STATUS_IO, "the recorder says: %.200s", said ? said : "nothing");
    return STATUS_OK;
}

/* ---- keeping ---- */

static void count_losses(struct recorder_watch *watch)
{
    const json_t *counters = json_object_get(watch->status, "counters");
    uint64_t now = (uint64_t)json_integer_value(json_object_get(counters, "records_lost"));
    int64_t now_ns = clock_mono_ns();
    if (now_ns - watch->lost_ns > WATCH_LOSS_SEC * NS_PER_S)
        watch->lost = 0;
    if (watch->counting && now > watch->records_lost) {
        watch->lost += now - watch->records_lost;
        watch->lost_ns = now_ns;
    }
    watch->records_lost = now;
    watch->counting = true;
}

static void keep(struct recorder_watch *watch, enum status status, json_t *answer,
                 const struct error *err)
{
    watch->asking_ns = 0;
    watch->asked++;
    watch->running = status == STATUS_OK;
    json_decref(watch->status);
    watch->status = NULL;
    watch->error[0] = '\0';
    if (watch->running) {
        watch->status = answer;
        count_losses(watch);
    } else {
        json_decref(answer);
        watch->missing++;
        (void)snprintf(watch->error, sizeof watch->error, "%.250s", err->text);
    }
    (void)pthread_cond_broadcast(&watch->told);
}

static void wait_until(struct recorder_watch *watch, int64_t from_now_ms)
{
    int64_t end = clock_mono_ns() + from_now_ms * NS_PER_MS;
    struct timespec until = {end / NS_PER_S, end % NS_PER_S};
    (void)pthread_cond_timedwait(&watch->told, &watch->lock, &until);
}

static void *run(void *user)
{
    struct recorder_watch *watch = user;
    (void)pthread_mutex_lock(&watch->lock);
    while (!watch->stop) {
        struct error err = {""};
        json_t *answer = NULL;
        watch->asking_ns = clock_mono_ns();
        (void)pthread_mutex_unlock(&watch->lock);
        enum status status = ask(watch, &answer, &err);
        (void)pthread_mutex_lock(&watch->lock);
        keep(watch, status, answer, &err);
        int64_t end = clock_mono_ns() + WATCH_EVERY_MS * NS_PER_MS;
        for (int64_t left; !watch->stop && (left = end - clock_mono_ns()) > 0;)
            wait_until(watch, left / NS_PER_MS + 1);
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return NULL;
}

/* ---- starting and ending ---- */

static void free_all(struct recorder_watch *watch)
{
    json_decref(watch->status);
    (void)pthread_cond_destroy(&watch->told);
    (void)pthread_mutex_destroy(&watch->lock);
    free(watch->control_path);
    free(watch);
}

enum status recorder_watch_start(struct recorder_watch **out, const char *control_path,
                                 struct error *err)
{
    struct recorder_watch *watch = memory_new(sizeof *watch);
    pthread_condattr_t monotonic;
    watch->control_path = memory_text(control_path);
    (void)snprintf(watch->error, sizeof watch->error, "the recorder has not been asked yet");
    (void)pthread_mutex_init(&watch->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watch->told, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    int fault = pthread_create(&watch->thread, NULL, run, watch);
    if (fault) {
        free_all(watch);
        return error_errno(err, fault, "starting the watch over the recorder");
    }
    (void)pthread_mutex_lock(&watch->lock);
    int64_t end = clock_mono_ns() + WATCH_FIRST_MS * NS_PER_MS;
    for (int64_t left; watch->asked == 0 && (left = end - clock_mono_ns()) > 0;)
        wait_until(watch, left / NS_PER_MS + 1);
    (void)pthread_mutex_unlock(&watch->lock);
    *out = watch;
    return STATUS_OK;
}

void recorder_watch_stop(struct recorder_watch *watch)
{
    if (!watch)
        return;
    (void)pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    (void)pthread_cond_broadcast(&watch->told);
    (void)pthread_mutex_unlock(&watch->lock);
    (void)pthread_join(watch->thread, NULL);
    free_all(watch);
}

/* ---- looking ---- */

void recorder_watch_look(struct recorder_watch *watch, struct recorder_watch_view *out)
{
    (void)pthread_mutex_lock(&watch->lock);
    int64_t waited = watch->asking_ns ? clock_mono_ns() - watch->asking_ns : 0;
    *out = (struct recorder_watch_view){.running = watch->running,
                                        .lost = watch->lost,
                                        .asked = watch->asked,
                                        .missing = watch->missing};
    memcpy(out->error, watch->error, sizeof out->error);
    if (watch->running && waited > STUCK_NS) {
        out->running = false;
        (void)snprintf(out->error, sizeof out->error, "the recorder has not answered for %.1f s",
                       (double)waited / (double)NS_PER_S);
    }
    if (watch->status)
        out->status = json_deep_copy(watch->status);
    (void)pthread_mutex_unlock(&watch->lock);
}

void recorder_watch_view_close(struct recorder_watch_view *view)
{
    json_decref(view->status);
    view->status = NULL;
}
