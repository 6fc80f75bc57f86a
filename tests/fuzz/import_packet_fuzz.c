/*
 * Any TCP segments in any order, and what the flows make of them.
 *
 * Each connection has two streams of known bytes (a function of the offset), of which the input
 * chooses stretches: so whatever comes out must be the byte of that offset. Holds: what is given
 * out of a direction plus what is said to be lost is where the next byte stands; never more is
 * given out than was sent; the queue keeps to its bound; flows keep to theirs; every flow ends
 * once. Every other input is taken as frames of random link types instead, for the decoder's sake.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "exporter/import/flow.h"
#include "lib/base/memory.h"

#define FLOWS_MAX  3u
#define QUEUE_MAX  8192u
#define STREAM_MAX 4096u
#define ISN        0xFFFFFF00u
#define TELLING    6 /* bytes that stand in one place only */

/* Where a direction's next byte stands, as soon as enough bytes have told it. */
struct place {
    uint32_t next;
    bool known;
};

struct world {
    uint64_t given, sent;
    unsigned open;
};

static char byte_at(uint32_t seq)
{
    uint32_t mixed = seq * 0x9E3779B1u;
    mixed ^= mixed >> 15;
    return (char)(mixed * 0x85EBCA77u >> 24);
}

static bool stands_at(struct span data, uint32_t seq)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] != byte_at(seq + (uint32_t)i))
            return false;
    }
    return true;
}

/* Finds bytes that are long enough to be found; they must stand somewhere. */
static void find(struct place *place, struct span data)
{
    uint32_t seq = ISN;
    place->known = data.len >= TELLING;
    while (place->known && !stands_at(data, seq)) {
        seq++;
        assert(seq != ISN + STREAM_MAX);
    }
    place->next = seq + (uint32_t)data.len;
}

static enum status sink(void *user, struct import_flow *flow, const struct import_event *event,
                        struct error *err)
{
    struct world *world = user;
    struct place *places = flow->user;
    (void)err;
    if (!places) {
        flow->user = places = memory_new(2 * sizeof *places);
        world->open++;
    }
    if (event->type == IMPORT_GONE) {
        world->open--;
        free(places);
        return STATUS_OK;
    }
    if (event->type != IMPORT_DATA)
        return STATUS_OK;
    struct place *place = &places[event->side];
    world->given += event->data.len;
    assert(event->side < 2 && world->given <= world->sent);
    place->next += (uint32_t)event->lost;
    if (place->known)
        assert(stands_at(event->data, place->next));
    if (place->known)
        place->next += (uint32_t)event->data.len;
    else
        find(place, event->data);
    return STATUS_OK;
}

static struct import_segment segment_of(const uint8_t bytes[6], char room[256], int64_t *now)
{
    struct import_segment segment = {.flags = bytes[1], .wall_ns = *now += bytes[5] * 4000000LL};
    unsigned side = bytes[0] & 1;
    struct import_endpoint ends[2] = {{.address = {10}, .port = (uint16_t)(bytes[0] >> 1 & 7)},
                                      {.address = {11}, .port = 3333}};
    segment.from = ends[side];
    segment.to = ends[!side];
    segment.seq = ISN + ((uint32_t)bytes[2] << 8 | bytes[3]) % (STREAM_MAX - 256);
    segment.ack = ISN + (uint32_t)bytes[3] * 16;
    segment.len = bytes[4];
    segment.missing = bytes[4] % 16 == 1 ? bytes[3] : 0;
    for (uint32_t i = 0; i < segment.len; i++)
        room[i] = byte_at(segment.seq + (segment.flags & IMPORT_SYN ? 1 : 0) + i);
    segment.data = (const unsigned char *)room;
    return segment;
}

static void take_frames(struct import_flows *flows, const uint8_t *data, size_t size)
{
    static const uint16_t links[32] = {0,   1,  101, 108, 113, 228, 229, 276, 9,   12,  14,
                                       50,  51, 104, 105, 109, 117, 127, 166, 192, 204, 239,
                                       147, 1,  1,   1,   127, 105, 101, 101, 101, 113};
    while (size > 3) {
        size_t len = data[1] < size - 3 ? data[1] : size - 3;
        struct import_packet packet = {.data = data + 3,
                                       .captured = (uint32_t)len,
                                       .length = (uint32_t)len + data[2],
                                       .link_type = links[data[0] & 31]};
        struct import_segment segment = {.more = true};
        struct error err;
        for (unsigned part = 0; segment.more; part++) {
            assert(part < 64);
            if (import_packet_read(&segment, &packet, part) != IMPORT_TCP)
                continue;
            const unsigned char *end = packet.data + packet.captured;
            assert(segment.data >= packet.data && segment.data + segment.len <= end);
            assert(import_flows_take(flows, &segment, &err) == STATUS_OK);
        }
        data += 3 + len;
        size -= 3 + len;
    }
}

static enum status count_only(void *user, struct import_flow *flow,
                              const struct import_event *event, struct error *err)
{
    (void)flow;
    (void)err;
    *(uint64_t *)user += event->data.len;
    return STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct import_flow_limits limits = {FLOWS_MAX, QUEUE_MAX};
    struct world world = {0};
    struct error err;
    char room[256];
    int64_t now = 0;
    uint64_t bytes = 0;
    if (size == 0)
        return 0;
    bool frames = data[0] & 1;
    struct import_flows *flows =
        import_flows_new(&limits, frames ? count_only : sink, frames ? (void *)&bytes : &world);
    if (frames)
        take_frames(flows, data + 1, size - 1);
    for (size_t at = 1; !frames && at + 6 <= size; at += 6) {
        struct import_segment segment = segment_of(data + at, room, &now);
        world.sent += segment.len;
        assert(import_flows_take(flows, &segment, &err) == STATUS_OK);
        assert(import_flows_queued(flows) <= QUEUE_MAX + 2048);
    }
    assert(import_flows_end(flows, &err) == STATUS_OK);
    assert(world.open == 0 && import_flows_queued(flows) == 0);
    import_flows_free(flows);
    return 0;
}
