/*
 * session_time.c - what a session may take its time for, looked at about once a second.
 *
 * Handshakes, the PROXY header and the last bytes have a deadline each. A session that relays may
 * be silent as long as it likes (or IDLE_TIMEOUT_SEC), while both sides are there. When one of them
 * has said its last word the other may go on, but after HALF_CLOSE_TIMEOUT_SEC without a byte that
 * moves in any direction nobody is waited for any more: a pool that neither closes nor speaks, or a
 * side that takes nothing of what the other one left, would hold the session for ever.
 */
#include "recorder/recorder.h"
#include "recorder/session_private.h"

static bool is_half_closed(const struct session *session)
{
    return session->ended[TAP_UP] || session->ended[TAP_DOWN] || stream_hung_up(&session->miner) ||
           stream_hung_up(&session->pool);
}

/* Changes with every byte that is read, with every one that leaves a queue, and with a last word.
 */
static uint64_t progress(const struct session *session, bool half)
{
    uint64_t read = session->tap.received[TAP_UP] + session->tap.received[TAP_DOWN];
    uint64_t sent = read - session->miner.queued - session->pool.queued;
    return 2 * (read + sent) + half;
}

static void check_silence(struct session *session, int64_t mono_ns)
{
    const struct config *config = session->recorder->config;
    bool half = is_half_closed(session);
    uint64_t now = progress(session, half);
    if (half && now != session->progress)
        session->active_ns = mono_ns;
    session->progress = now;
    int64_t silent = mono_ns - session->active_ns;
    if (config->idle_timeout_ns && silent >= config->idle_timeout_ns)
        session_close(session, "hashscope", "timeout: idle", false);
    else if (half && silent >= config->half_close_timeout_ns)
        session_close(session, "hashscope", "timeout: half-closed, and nothing moves", false);
}

void session_tick(struct session *session, int64_t mono_ns)
{
    bool late = session->deadline_ns && mono_ns >= session->deadline_ns;
    switch (session->phase) {
    case PHASE_HEADER:
        if (late)
            session_close(session, "hashscope", "timeout: no PROXY header", false);
        break;
    case PHASE_MINER_TLS:
        if (late)
            session_close(session, "hashscope", "timeout: TLS handshake of the miner", false);
        break;
    case PHASE_POOL_TLS:
        if (late)
            session_next_pool(session, "handshake timed out");
        break;
    case PHASE_FINISH:
        if (late)
            session_close(session, "hashscope", "timeout: last bytes not taken", true);
        break;
    case PHASE_RELAY:
        check_silence(session, mono_ns);
        break;
    case PHASE_DIAL:
    case PHASE_CLOSING:
        break;
    }
}
