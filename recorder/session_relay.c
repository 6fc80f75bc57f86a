/*
 * session_relay.c - bytes between a miner and its pool, each side's end included.
 *
 * What was read is recorded (tap.h), then goes to the other side; a record is in the ring before
 * its bytes are written. Who is not read as fast as the other speaks holds the other up: that side
 * is not read until the queue is empty. What the miner says before the pool is there waits in
 * `early`. Writes that fail are reported by the stream (session.c).
 */
#include "lib/base/clock.h"
#include "recorder/inject.h"
#include "recorder/recorder.h"
#include "recorder/session_private.h"

static struct stream *other_of(struct session *session, enum tap_side side)
{
    return side == TAP_UP ? &session->pool : &session->miner;
}

static void count_sent(const struct session *session, const struct stream *to, size_t len)
{
    struct ring_counters *counters = session->recorder->tap.counters;
    ring_count(to == &session->pool ? &counters->bytes_to_pools : &counters->bytes_to_miners, len);
}

static void count_read(struct session *session, enum tap_side side, size_t len)
{
    struct ring_counters *counters = session->recorder->tap.counters;
    ring_count(side == TAP_UP ? &counters->bytes_from_miners : &counters->bytes_from_pools, len);
    ring_session_bytes(session->recorder->tap.ring, session->tap.slot,
                       session->tap.received[TAP_UP], session->tap.received[TAP_DOWN]);
}

/* The other side is not read any more while this one has too much to take. */
static void hold_if_full(struct session *session, const struct stream *full)
{
    if (full->queued > SESSION_QUEUE_HIGH)
        stream_read_stop(full == &session->pool ? &session->miner : &session->pool);
}

/* Bytes that came while injected lines wait for their answers: some may be kept from the miner. */
static void relay_withholding(struct session *session, const char *data, size_t len)
{
    struct stream_loop *loop = &session->recorder->loop;
    stream_loop_flush(loop);
    size_t sent = inject_forward(session->inject, data, len);
    loop->now_ns = clock_mono_ns();
    ring_writer_publish(session->recorder->tap.ring, sent == len ? loop->now_ns : 0);
    hold_if_full(session, &session->miner);
}

static void forward(struct session *session, struct stream *to, const char *data, size_t len)
{
    count_sent(session, to, len);
    stream_forward(to, data, len, ring_writer_position(session->recorder->tap.ring));
}

static void relay(struct session *session, enum tap_side side, const char *data, size_t len)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_at(shared, session->recorder->loop.now_ns);
    const struct tap_withhold *withhold =
        side == TAP_DOWN ? inject_withhold(session->inject) : NULL;
    session->active_ns = now.mono_ns;
    tap_push(&session->tap, shared, side, data, len, now, withhold);
    count_read(session, side, len);
    if (withhold)
        relay_withholding(session, data, len);
    else
        forward(session, other_of(session, side), data, len);
    if (side == TAP_UP && session->inject)
        inject_try_send(session->inject);
}

void session_relay(struct stream *stream, const char *data, size_t len)
{
    struct session *session = stream->user;
    const struct ring_writer *ring = session->recorder->ring;
    uint64_t before = ring_writer_position(ring);
    relay(session, session_side(session, stream), data, len);
    stream_charge(stream, ring_writer_position(ring) - before);
}

/* What relay has forwarded is with the kernel, or queued where that takes no more. */
void session_forwarded(void *user, const struct stream_forward *done, size_t count)
{
    struct recorder *recorder = user;
    struct ring_writer *ring = recorder->tap.ring;
    int64_t now_ns = recorder->loop.now_ns;
    for (size_t i = 0; i < count; i++) {
        bool sent = done[i].sent == done[i].len;
        bool last = i + 1 == count || (done[i + 1].sent == done[i + 1].len) != sent;
        if (last)
            ring_writer_publish_to(ring, done[i].tag, sent ? now_ns : 0);
        hold_if_full(done[i].to->user, done[i].to);
    }
    pace_keep_off(&recorder->pace, ring, recorder->archive);
}

void session_keep_early(struct session *session, const char *data, size_t len)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_now(shared);
    session->active_ns = now.mono_ns;
    tap_push(&session->tap, shared, TAP_UP, data, len, now, NULL);
    ring_writer_publish(shared->ring, 0);
    buffer_append(&session->early, data, len);
    count_read(session, TAP_UP, len);
    if (session->early.len >= SESSION_EARLY_MAX)
        stream_read_stop(&session->miner);
}

/* Both sides have ended: close once everything queued is out. */
static void finish_if_drained(struct session *session)
{
    static const char *const by[2] = {"miner", "pool"};
    if (session->phase == PHASE_FINISH && !session->miner.queued && !session->pool.queued)
        session_close(session, by[session->first_ended], "end", false);
}

/* Reads from that side again, unless it has ended. */
static void resume(struct session *session, enum tap_side side)
{
    if (!session->ended[side])
        stream_read_start(side == TAP_UP ? &session->miner : &session->pool);
}

void session_drained(struct stream *stream)
{
    struct session *session = stream->user;
    if (session->phase == PHASE_FINISH) {
        finish_if_drained(session);
    } else if (session->phase == PHASE_RELAY) {
        if (session->recorder->stopping)
            session_stop(session);
        else
            resume(session, stream == &session->miner ? TAP_DOWN : TAP_UP);
    }
}

void session_side_ended(struct stream *stream)
{
    struct session *session = stream->user;
    struct tap_shared *shared = &session->recorder->tap;
    enum tap_side side = session_side(session, stream);
    if (!session->begun) {
        session_close(session, "miner", "end", false);
        return;
    }
    session->ended[side] = true;
    if (!session->ended[!side])
        session->first_ended = (uint8_t)side;
    if (side == TAP_DOWN)
        inject_release(session->inject);
    tap_finish(&session->tap, shared, side, tap_now(shared));
    ring_writer_publish(shared->ring, 0);
    if (session->phase != PHASE_RELAY)
        return; /* the miner's FIN waits for the pool, with its bytes */
    stream_shutdown(other_of(session, side));
    if (session->ended[!side]) {
        session->phase = PHASE_FINISH;
        session->deadline_ns = clock_mono_ns() + SESSION_FINISH_NS;
        finish_if_drained(session);
    }
}

void session_joined(struct session *session)
{
    struct tap_shared *shared = &session->recorder->tap;
    session->phase = PHASE_RELAY;
    ring_count(&shared->counters->pool_connects, 1);
    count_sent(session, &session->pool, session->early.len);
    size_t sent = stream_write(&session->pool, session->early.data, session->early.len);
    ring_writer_publish(shared->ring, sent == session->early.len ? clock_mono_ns() : 0);
    buffer_close(&session->early);
    stream_read_start(&session->pool);
    if (session->pool.queued <= SESSION_QUEUE_HIGH)
        resume(session, TAP_UP);
    if (session->ended[TAP_UP])
        stream_shutdown(&session->pool);
}
