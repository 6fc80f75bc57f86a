/*
 * Any bytes as a capture file, pcap or pcapng.
 *
 * Holds: every packet lies within what the file has, its captured bytes can all be read, comments
 * too; times are not negative; memory stays near the size of the file; an end stays an end.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "exporter/import/capture.h"
#include "exporter/import/comment.h"
#include "exporter/import/packet.h"
#include "exporter/import/unpack.h"

static uint64_t sum;

static void touch(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
}

static void take(const struct import_packet *packet, size_t file_bytes)
{
    struct import_segment segment;
    struct import_comment comment;
    assert(packet->captured <= file_bytes && packet->wall_ns >= 0);
    assert(packet->comment_count <= IMPORT_COMMENTS);
    touch(packet->data, packet->captured);
    for (unsigned i = 0; i < packet->comment_count; i++) {
        struct span rest = packet->comments[i];
        assert(rest.len <= file_bytes);
        touch(rest.data, rest.len);
        (void)import_comment_is_ours(rest);
        while (import_comment_next(&rest, &comment))
            touch(&comment.info, sizeof comment.info);
    }
    if (import_packet_read(&segment, packet, 0) != IMPORT_TCP)
        return;
    assert(segment.len <= packet->captured && segment.data >= packet->data);
    assert(segment.data + segment.len <= packet->data + packet->captured);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import_capture *capture;
    struct import_packet packet;
    struct error err;
    if (size == 0)
        return 0;
    /* what is compressed may hold more than it is long */
    bool packed = size >= 4 && import_unpack_knows(data);
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    if (!file || import_capture_open(&capture, file, "fuzz", &err) != STATUS_OK)
        return 0;
    while (import_capture_next(capture, &packet, &err) == STATUS_OK)
        take(&packet, packed ? IMPORT_PACKET_MAX : size);
    assert(import_capture_next(capture, &packet, &err) != STATUS_OK);
    import_capture_close(capture);
    return 0;
}
