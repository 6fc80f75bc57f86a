/*
 * How it works: what a side says goes through the framer, the scanner and the pairs, as in the
 * recorder, and from there to a series writer; the ring between them is left out.
 *
 * How it can fail: the disk refuses; the program ends and says so.
 */
#include "samples/write/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/ring/ring.h"

#define BEGIN_NS        INT64_C(1763800000000000000) /* 2025-11-22T08:26:40Z */
#define MONO_BEGIN_NS   (3600 * NS_PER_S)            /* on the monotonic clock, the same time */
#define INSTANCE        UINT64_C(0x5a3b1e5a3b1e0001)
#define SEGMENT_BYTES   (UINT64_C(64) << 20)
#define LINE_BUDGET     (64u << 20)
#define PAIR_TIMEOUT_NS (120 * NS_PER_S)

static void check(enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "write-samples: %s\n", err->text);
    exit(1);
}

void sample_open(struct sample *sample, const char *data_dir, uint64_t seed)
{
    *sample = (struct sample){.line_budget = LINE_BUDGET};
    snprintf(sample->folder, sizeof(sample->folder), "%.4000s/segments", data_dir);
    sample->random = sim_random_derive(seed, 0x6c6174656e6379);
    const struct series_settings settings = {
        .folder = sample->folder, .instance = INSTANCE, .segment_max_bytes = SEGMENT_BYTES};
    series_writer_init(&sample->writer, &settings);
}

enum status sample_close(struct sample *sample, struct error *err)
{
    enum status status = series_writer_end(&sample->writer, err);

    series_writer_close(&sample->writer);
    return status;
}

void sample_wait_us(struct sample *sample, int64_t us)
{
    sample->now_ns += us * NS_PER_US + 100000 + (int64_t)sim_random_below(&sample->random, 400000);
}

struct sim_now sample_now(const struct sample *sample)
{
    return (struct sim_now){.ms = sample->now_ns / NS_PER_MS,
                            .unix = (uint32_t)((BEGIN_NS + sample->now_ns) / NS_PER_S)};
}

/* ---- records ---- */

static struct record record_of(const struct sample_session *session, enum record_type type)
{
    const struct sample *sample = session->sample;

    return (struct record){.type = type,
                           .wall_ns = BEGIN_NS + sample->now_ns,
                           .mono_ns = MONO_BEGIN_NS + sample->now_ns,
                           .session = session->info.session,
                           .slot = RING_NO_SLOT,
                           .offset_up = session->recorded[SAMPLE_UP],
                           .offset_down = session->recorded[SAMPLE_DOWN]};
}

static void put(struct sample_session *session, struct record *record)
{
    struct error err = {""};

    record->seq = ++session->sample->seq;
    check(series_writer_put(&session->sample->writer, record, &session->info, &err), &err);
}

static void put_event(struct sample_session *session, enum record_type type)
{
    struct record record = record_of(session, type);

    record.payload = span_make((const char *)&session->info, sizeof(session->info));
    put(session, &record);
}

struct saying {
    struct sample_session *session;
    enum sample_side side;
};

static void on_piece(void *user, const struct stratum_piece *piece)
{
    const struct saying *saying = user;
    struct sample_session *session = saying->session;
    const bool up = saying->side == SAMPLE_UP;
    struct record record = record_of(session, RECORD_MESSAGE);
    const struct record_pairing pairing = {&session->pairs,
                                           up ? STRATUM_FROM_MINER : STRATUM_FROM_POOL,
                                           session->sample->seq + 1, PAIR_TIMEOUT_NS};
    struct stratum_match match = record_take_piece(&record, piece, &pairing);

    record.direction = up ? DIRECTION_MINER_TO_POOL : DIRECTION_POOL_TO_MINER;
    record_take_match(&record, &match);
    put(session, &record);
    session->recorded[saying->side] += record_wire_bytes(&record);
}

/* ---- sessions ---- */

static struct uuid make_uuid(struct sample *sample)
{
    struct uuid uuid;
    uint64_t ms = (uint64_t)((BEGIN_NS + sample->now_ns) / NS_PER_MS);

    sim_random_fill(&sample->random, uuid.bytes, sizeof(uuid.bytes));
    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    uuid.bytes[6] = (uint8_t)(0x70 | (uuid.bytes[6] & 0x0f));
    uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3f));
    return uuid;
}

void sample_session_open(struct sample_session *session, struct sample *sample, const char *miner,
                         const char *pool, const char *address)
{
    *session = (struct sample_session){.sample = sample};
    struct session_info *info = &session->info;

    info->session = make_uuid(sample);
    info->number = ++sample->sessions;
    info->state = SESSION_CONNECTING;
    snprintf(info->route, sizeof(info->route), "default");
    snprintf(info->miner, sizeof(info->miner), "%s", miner);
    snprintf(info->listen, sizeof(info->listen), "192.0.2.1:3333");
    snprintf(info->pool, sizeof(info->pool), "%s", pool);
    info->opened_wall_ns = BEGIN_NS + sample->now_ns;
    info->opened_mono_ns = MONO_BEGIN_NS + sample->now_ns;
    put_event(session, RECORD_OPENED);
    sample_wait_us(sample, 18000);
    info->state = SESSION_OPEN;
    info->connected_wall_ns = BEGIN_NS + sample->now_ns;
    snprintf(info->address, sizeof(info->address), "%s", address);
    snprintf(info->local, sizeof(info->local), "192.0.2.1:%u", (unsigned)(40000 + info->number));
    put_event(session, RECORD_POOL_CONNECTED);
}

static struct stratum_limits limits_of(struct sample_session *session)
{
    return (struct stratum_limits){RECORD_LINE_MAX, RECORD_FRAGMENT_MAX,
                                   &session->sample->line_budget};
}

void sample_session_say(struct sample_session *session, enum sample_side side, const void *data,
                        size_t len)
{
    const struct stratum_limits limits = limits_of(session);
    struct saying saying = {session, side};

    stratum_framer_push(&session->framers[side], &limits, data, len, on_piece, &saying);
    if (side == SAMPLE_UP)
        session->info.bytes_up += len;
    else
        session->info.bytes_down += len;
}

void sample_session_close(struct sample_session *session, const char *by, const char *reason)
{
    const struct stratum_limits limits = limits_of(session);

    for (int side = SAMPLE_UP; side <= SAMPLE_DOWN; side++) {
        struct saying saying = {session, (enum sample_side)side};

        stratum_framer_finish(&session->framers[side], &limits, on_piece, &saying);
        stratum_framer_close(&session->framers[side], &limits);
    }
    session->info.state = SESSION_CLOSED;
    session->info.closed_wall_ns = BEGIN_NS + session->sample->now_ns;
    snprintf(session->info.closed_by, sizeof(session->info.closed_by), "%s", by);
    snprintf(session->info.reason, sizeof(session->info.reason), "%s", reason);
    put_event(session, RECORD_CLOSED);
    stratum_pairs_close(&session->pairs);
}
