/*
 * inject.c - see inject.h.
 *
 * Lines wait in one list: first those to be sent, then those whose answer is awaited. A line whose
 * caller was told of a time-out stays in the list (done == NULL) so that its answer is still held
 * back. Passing the pool's bytes by whole lines uses a splitter of its own behind the tap: the tap
 * says which of the lines that ended in these bytes are answers to ours (by their count), the
 * splitter drops those. Both split at LF, so their counts agree.
 */
#include "recorder/inject.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/stratum/strict.h"
#include "recorder/recorder.h"
#include "recorder/session.h"

struct injected {
    TAILQ_ENTRY(injected) link;
    json_t *message;  /* until it is sent */
    struct span text; /* as sent, without LF; ours */
    int64_t id;       /* 0: not sent yet */
    uint64_t seq;
    int64_t due_ns; /* monotonic: for the line boundary, then for the answer */
    inject_done *done;
    void *user;
};
TAILQ_HEAD(injected_list, injected);

struct inject {
    struct session *session;
    struct injected_list waiting, sent;
    size_t count;
    int64_t next_id;
    struct tap_withhold withhold;
    uv_timer_t *timer;  /* outlives us until it is closed */
    struct buffer held; /* the beginning of a line of the pool */
    int64_t held_since_ns;
    bool passing;            /* the current line of the pool passes as it comes */
    size_t drop[INJECT_MAX]; /* lines ended in the present bytes that are answers to ours */
    size_t drop_count;
};

static void on_timer(uv_timer_t *timer);

/* ------------------------------------------------------------------ outcomes */

static void tell(struct injected *line, const struct inject_outcome *outcome)
{
    if (line->done)
        line->done(line->user, outcome);
    line->done = NULL;
}

static void tell_error(struct injected *line, const char *error)
{
    struct inject_outcome outcome = {
        .error = error, .id = line->id, .seq = line->seq, .sent = line->text};
    tell(line, &outcome);
}

static void line_free(struct injected *line)
{
    json_decref(line->message);
    span_free(&line->text);
    free(line);
}

/* ------------------------------------------------------------------ writing */

static void write_pool(struct inject *inject, const char *data, size_t len)
{
    struct session *session = inject->session;
    ring_count(&session->recorder->tap.counters->bytes_to_pools, len);
    stream_write(&session->pool, data, len);
}

static void write_miner(struct inject *inject, const char *data, size_t len)
{
    struct session *session = inject->session;
    ring_count(&session->recorder->tap.counters->bytes_to_miners, len);
    stream_write(&session->miner, data, len);
}

/* ------------------------------------------------------------------ time */

static int64_t timer_next(const struct inject *inject)
{
    int64_t next = INT64_MAX;
    const struct injected *line;
    TAILQ_FOREACH(line, &inject->waiting, link)
    next = line->due_ns < next ? line->due_ns : next;
    TAILQ_FOREACH(line, &inject->sent, link)
    if (line->done && line->due_ns < next)
        next = line->due_ns;
    if (inject->held.len && inject->held_since_ns + INJECT_HOLD_MS * NS_PER_MS < next)
        next = inject->held_since_ns + INJECT_HOLD_MS * NS_PER_MS;
    return next;
}

static void timer_set(struct inject *inject)
{
    int64_t next = timer_next(inject), now = clock_mono_ns();
    if (next == INT64_MAX) {
        uv_timer_stop(inject->timer);
        return;
    }
    uint64_t wait_ms = next > now ? (uint64_t)((next - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
    uv_update_time(inject->timer->loop);
    uv_timer_start(inject->timer, on_timer, wait_ms, 0);
}

static void release_held(struct inject *inject)
{
    if (!inject->held.len)
        return;
    write_miner(inject, inject->held.data, inject->held.len);
    buffer_close(&inject->held);
    inject->passing = true;
}

static void expire(struct inject *inject, int64_t now)
{
    struct injected *line, *next;
    for (line = TAILQ_FIRST(&inject->waiting); line; line = next) {
        next = TAILQ_NEXT(line, link);
        if (line->due_ns > now)
            continue;
        TAILQ_REMOVE(&inject->waiting, line, link);
        inject->count--;
        tell_error(line, "the miner has been in the middle of a line for 5 s");
        line_free(line);
    }
    TAILQ_FOREACH(line, &inject->sent, link)
    {
        if (!line->done || line->due_ns > now)
            continue;
        ring_count(&inject->session->recorder->tap.counters->inject_timeouts, 1);
        tell_error(line, "no answer from the pool within 30 s");
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct inject *inject = timer->data;
    int64_t now = clock_mono_ns();
    if (inject->held.len && now >= inject->held_since_ns + INJECT_HOLD_MS * NS_PER_MS) {
        ring_count(&inject->session->recorder->tap.counters->inject_released, 1);
        release_held(inject);
    }
    expire(inject, now);
    timer_set(inject);
}

/* ------------------------------------------------------------------ answers */

static void on_answer(void *user, const struct tap_answer *answer, bool withheld)
{
    struct inject *inject = user;
    struct injected *line;
    if (withheld && inject->drop_count < INJECT_MAX)
        inject->drop[inject->drop_count++] = answer->line;
    TAILQ_FOREACH(line, &inject->sent, link)
    if (line->seq == answer->request)
        break;
    if (!line)
        return;
    TAILQ_REMOVE(&inject->sent, line, link);
    inject->count--;
    ring_count(&inject->session->recorder->tap.counters->inject_answers, 1);
    struct inject_outcome outcome = {
        .id = line->id,
        .seq = line->seq,
        .answer_seq = answer->seq,
        .latency_ns = answer->latency_ns,
        .sent = line->text,
        .answer = answer->text,
        .withheld = withheld,
    };
    tell(line, &outcome);
    line_free(line);
}

const struct tap_withhold *inject_withhold(struct inject *inject)
{
    if (!inject || (TAILQ_EMPTY(&inject->sent) && !inject->held.len))
        return NULL;
    inject->drop_count = 0;
    inject->withhold.first_line_passed = inject->passing;
    return &inject->withhold;
}

/* ------------------------------------------------------------------ passing by lines */

static bool is_dropped(const struct inject *inject, size_t line)
{
    for (size_t i = 0; i < inject->drop_count; i++)
        if (inject->drop[i] == line)
            return true;
    return false;
}

static void hold(struct inject *inject, const char *data, size_t len)
{
    if (!inject->held.len)
        inject->held_since_ns = clock_mono_ns();
    buffer_append(&inject->held, data, len);
    if (inject->held.len <= INJECT_HOLD_MAX)
        return;
    ring_count(&inject->session->recorder->tap.counters->inject_released, 1);
    release_held(inject);
}

/* A line has ended: data .. data+len is the rest of it, with its LF. */
static void line_ended(struct inject *inject, size_t line, const char *data, size_t len)
{
    bool drop = !inject->passing && is_dropped(inject, line);
    if (!drop) {
        if (inject->held.len)
            write_miner(inject, inject->held.data, inject->held.len);
        write_miner(inject, data, len);
    }
    inject->passing = false;
    buffer_close(&inject->held);
}

size_t inject_forward(struct inject *inject, const char *data, size_t len)
{
    const char *at = data, *end = data + len, *newline;
    size_t line = 0;
    if (tap_opaque(&inject->session->tap))
        release_held(inject);
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        line_ended(inject, line++, at, (size_t)(newline + 1 - at));
        at = newline + 1;
    }
    size_t rest = (size_t)(end - at);
    bool awaiting = !TAILQ_EMPTY(&inject->sent);
    if (rest && !awaiting)
        release_held(inject);
    if (rest && (inject->passing || !awaiting))
        write_miner(inject, at, rest), inject->passing = true;
    else if (rest)
        hold(inject, at, rest);
    timer_set(inject);
    return inject->drop_count || inject->held.len || inject->session->miner.queued ? 0 : len;
}

void inject_release(struct inject *inject)
{
    if (inject)
        release_held(inject);
}

/* ------------------------------------------------------------------ sending */

static int64_t take_id(struct inject *inject)
{
    struct stratum_id id = {.type = STRATUM_ID_INTEGER};
    do {
        id.value = (uint64_t)inject->next_id--;
        if (inject->next_id <= 0)
            inject->next_id = INJECT_FIRST_ID;
    } while (stratum_pairs_open(&inject->session->tap.pairs, &id));
    return (int64_t)id.value;
}

static void send_line(struct inject *inject, struct injected *line)
{
    struct session *session = inject->session;
    struct tap_shared *shared = &session->recorder->tap;
    bool first = TAILQ_EMPTY(&inject->sent);
    line->id = take_id(inject);
    json_object_set_new(line->message, "id", json_integer(line->id));
    struct buffer wire = {0};
    stratum_exact_dump(&wire, line->message);
    line->text = span_copy(span_make(wire.data, wire.len));
    json_decref(line->message);
    line->message = NULL;
    struct tap_time now = tap_now(shared);
    line->seq = tap_injected(&session->tap, shared, line->text.data, line->text.len, now);
    line->due_ns = now.mono_ns + INJECT_ANSWER_MS * NS_PER_MS;
    buffer_append_char(&wire, '\n');
    write_pool(inject, wire.data, wire.len);
    buffer_close(&wire);
    ring_writer_publish(shared->ring, clock_mono_ns());
    ring_count(&shared->counters->injected, 1);
    if (first && !inject->held.len)
        inject->passing = tap_mid_line(&session->tap, TAP_DOWN);
    TAILQ_INSERT_TAIL(&inject->sent, line, link);
}

void inject_try_send(struct inject *inject)
{
    struct injected *line;
    if (!inject || TAILQ_EMPTY(&inject->waiting) || tap_mid_line(&inject->session->tap, TAP_UP))
        return;
    while ((line = TAILQ_FIRST(&inject->waiting))) {
        TAILQ_REMOVE(&inject->waiting, line, link);
        send_line(inject, line);
    }
    timer_set(inject);
}

static struct inject *inject_of(struct session *session)
{
    if (session->inject)
        return session->inject;
    struct inject *inject = memory_new(sizeof *inject);
    inject->session = session;
    TAILQ_INIT(&inject->waiting);
    TAILQ_INIT(&inject->sent);
    inject->next_id = INJECT_FIRST_ID;
    inject->withhold.on_answer = on_answer;
    inject->withhold.user = inject;
    inject->timer = memory_new(sizeof *inject->timer);
    uv_timer_init(session->recorder->loop.uv, inject->timer);
    inject->timer->data = inject;
    session->inject = inject;
    return inject;
}

static const char *refusal(const struct session *session)
{
    if (session->phase != PHASE_RELAY)
        return "the session has no pool connection";
    if (session->ended[TAP_UP] || session->ended[TAP_DOWN])
        return "one side of the session has ended";
    if (tap_opaque(&session->tap))
        return "the session is not text";
    if (session->inject && session->inject->count >= INJECT_MAX)
        return "256 lines of this session are unanswered already";
    return NULL;
}

/* What is nested more deeply is not read whole by the scanner, and so not vouched for. */
static bool is_too_deep(const char *line, size_t len)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, line, len);
    return scan.fault == STRATUM_FAULT_DEPTH;
}

static json_t *parse_line(const char *line, size_t len, const char **error)
{
    if (len > INJECT_LINE_MAX) {
        *error = "the line is longer than 64 KiB";
        return NULL;
    }
    if (is_too_deep(line, len)) {
        *error = "the line is nested deeper than 64";
        return NULL;
    }
    json_t *message = stratum_exact_parse(span_make(line, len));
    const json_t *method = json_object_get(message, "method");
    if (json_is_string(method) && !stratum_is_exact_number(method))
        return message;
    json_decref(message);
    *error = "expected one JSON object with a method";
    return NULL;
}

void inject_line(struct session *session, const char *line, size_t len, inject_done *done,
                 void *user)
{
    struct inject_outcome outcome = {.error = refusal(session)};
    json_t *message = outcome.error ? NULL : parse_line(line, len, &outcome.error);
    if (!message) {
        done(user, &outcome);
        return;
    }
    struct inject *inject = inject_of(session);
    struct injected *injected = memory_new(sizeof *injected);
    injected->message = message;
    injected->due_ns = clock_mono_ns() + INJECT_BOUNDARY_MS * NS_PER_MS;
    injected->done = done;
    injected->user = user;
    TAILQ_INSERT_TAIL(&inject->waiting, injected, link);
    inject->count++;
    inject_try_send(inject);
    timer_set(inject);
}

/* ------------------------------------------------------------------ the end */

static void timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void list_close(struct injected_list *list)
{
    struct injected *line;
    while ((line = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, line, link);
        tell_error(line, "the session closed before the answer came");
        line_free(line);
    }
}

void inject_free(struct inject *inject)
{
    if (!inject)
        return;
    list_close(&inject->waiting);
    list_close(&inject->sent);
    uv_close((uv_handle_t *)inject->timer, timer_closed);
    ring_count(&inject->session->recorder->tap.counters->bytes_dropped, inject->held.len);
    buffer_close(&inject->held);
    free(inject);
}
