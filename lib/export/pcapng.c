/*
 * pcapng.c - a block is its type, its length, a body padded to four bytes, and its length again.
 * Lengths are filled in when the block is closed. Nothing can fail.
 */
#include "lib/export/pcapng.h"

#include <string.h>

#include "lib/base/clock.h"

enum block {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_NAMES = 4,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
};

#define OPTION_END     0
#define OPTION_COMMENT 1
#define OPTION_MAX     65535

/* ------------------------------------------------------------------ parts */

static inline uint8_t *put32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)(value >> 16);
    out[3] = (uint8_t)(value >> 24);
    return out + 4;
}

static inline uint8_t *put64(uint8_t *out, uint64_t value)
{
    return put32(put32(out, (uint32_t)value), (uint32_t)(value >> 32));
}

/* Times are two words, the high one first. */
static inline uint8_t *put_time(uint8_t *out, int64_t ns)
{
    return put32(put32(out, (uint32_t)((uint64_t)ns >> 32)), (uint32_t)ns);
}

static inline size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

/* Code and length of an option share a word. */
static inline uint8_t *put_option_head(uint8_t *out, unsigned code, size_t len)
{
    return put32(out, (uint32_t)code | (uint32_t)len << 16);
}

static uint8_t *put_option(uint8_t *out, unsigned code, const void *data, size_t len)
{
    out = put_option_head(out, code, len);
    put32(out + padded(len) - (len ? 4 : 0), 0); /* the padding */
    memcpy(out, data, len);
    return out + padded(len);
}

static void append32(struct buffer *out, uint32_t value)
{
    put32((uint8_t *)buffer_reserve(out, 4), value);
    out->len += 4;
}

static void append_option(struct buffer *out, unsigned code, const void *data, size_t len)
{
    len = len < OPTION_MAX ? len : OPTION_MAX;
    put_option((uint8_t *)buffer_reserve(out, 8 + padded(len)), code, data, len);
    out->len += 4 + padded(len);
}

static void append_text(struct buffer *out, unsigned code, const char *text)
{
    if (text != NULL && *text != '\0')
        append_option(out, code, text, strlen(text));
}

static void append_u64(struct buffer *out, unsigned code, uint64_t value)
{
    uint8_t bytes[8];
    put64(bytes, value);
    append_option(out, code, bytes, sizeof bytes);
}

/* Returns where the block begins. */
static size_t open_block(struct buffer *out, enum block type)
{
    size_t begin = out->len;
    append32(out, type);
    append32(out, 0);
    return begin;
}

static void close_block(struct buffer *out, size_t begin)
{
    append32(out, OPTION_END);
    uint32_t len = (uint32_t)(out->len - begin) + 4;
    append32(out, len);
    put32((uint8_t *)out->data + begin + 4, len);
}

/* ------------------------------------------------------------------ blocks */

void pcapng_append_section(struct buffer *out, const struct pcapng_section *section)
{
    size_t begin = open_block(out, BLOCK_SECTION);
    append32(out, 0x1a2b3c4d);
    append32(out, 1); /* version 1.0 */
    append32(out, UINT32_MAX);
    append32(out, UINT32_MAX); /* length: not known */
    append_text(out, OPTION_COMMENT, section->comment);
    append_text(out, 2, section->hardware);
    append_text(out, 3, section->os);
    append_text(out, 4, section->application);
    close_block(out, begin);
}

void pcapng_append_interface(struct buffer *out, const struct pcapng_interface *interface)
{
    static const uint8_t nanoseconds = 9;
    size_t begin = open_block(out, BLOCK_INTERFACE);
    append32(out, interface->link);
    append32(out, PCAPNG_SNAP_LENGTH);
    append_text(out, 2, interface->name);
    append_text(out, 3, interface->description);
    append_option(out, 9, &nanoseconds, 1);
    if (interface->filter != NULL) {
        struct buffer filter = {NULL, 0, 0};
        buffer_append(&filter, "", 1); /* a string of libpcap's language */
        buffer_append_text(&filter, interface->filter);
        append_option(out, 11, filter.data, filter.len);
        buffer_close(&filter);
    }
    append_text(out, 12, interface->os);
    close_block(out, begin);
}

void pcapng_append_name(struct buffer *out, const struct packet_address *address, struct span name)
{
    size_t begin = open_block(out, BLOCK_NAMES), ip = address->v6 ? 16 : 4;
    uint8_t record[16 + 256 + 1];
    size_t len = name.len < 255 ? name.len : 255;
    memcpy(record, address->ip, ip);
    memcpy(record + ip, name.data, len);
    record[ip + len] = '\0';
    append_option(out, address->v6 ? 2 : 1, record, ip + len + 1); /* records look like options */
    append32(out, 0);                                              /* end of records */
    close_block(out, begin);
}

static void append_time(struct buffer *out, unsigned code, int64_t ns)
{
    uint8_t bytes[8];
    put_time(bytes, ns);
    append_option(out, code, bytes, sizeof bytes);
}

void pcapng_append_statistics(struct buffer *out, const struct pcapng_statistics *statistics)
{
    size_t begin = open_block(out, BLOCK_STATISTICS);
    append32(out, statistics->interface);
    put_time((uint8_t *)buffer_reserve(out, 8), statistics->last_ns);
    out->len += 8;
    if (statistics->first_ns != 0) {
        append_time(out, 2, statistics->first_ns);
        append_time(out, 3, statistics->last_ns);
    }
    append_u64(out, 4, statistics->received);
    append_u64(out, 5, statistics->dropped);
    if (statistics->filtered)
        append_u64(out, 6, statistics->accepted);
    close_block(out, begin);
}

/* ------------------------------------------------------------------ packets */

#define OPTIONS_MAX (8 + 12 + 12 + 4 + 4 + 2 * 8) /* all but the comments' bytes */

uint8_t *pcapng_packet_begin(struct buffer *out, size_t len, size_t comments_len)
{
    char *room = buffer_reserve(out, PCAPNG_PACKET_HEAD + padded(len) + comments_len + OPTIONS_MAX);
    return (uint8_t *)room + PCAPNG_PACKET_HEAD;
}

static uint8_t *put_options(uint8_t *at, const struct pcapng_packet *packet)
{
    for (size_t i = 0; i < 2; i++) {
        struct span comment = packet->comments[i];
        if (comment.len > 0)
            at = put_option(at, OPTION_COMMENT, comment.data,
                            comment.len < OPTION_MAX ? comment.len : OPTION_MAX);
    }
    at = put32(put_option_head(at, 2, 4), packet->flags);
    if (packet->dropped > 0)
        at = put64(put_option_head(at, 4, 8), packet->dropped);
    if (packet->id > 0)
        at = put64(put_option_head(at, 5, 8), packet->id);
    return put32(at, OPTION_END);
}

void pcapng_packet_end(struct buffer *out, const struct pcapng_packet *packet)
{
    uint8_t *head = (uint8_t *)out->data + out->len;
    uint8_t *at = head + PCAPNG_PACKET_HEAD + packet->len;
    memset(at, 0, padded(packet->len) - packet->len);
    at = put_options(at + padded(packet->len) - packet->len, packet);
    uint32_t len = (uint32_t)(at - head) + 4;
    put32(at, len);
    at = put32(put32(put32(head, BLOCK_PACKET), len), packet->interface);
    put32(put32(put_time(at, packet->time_ns), packet->len), packet->len);
    out->len += len;
}

void pcap_append_header(struct buffer *out, uint32_t link)
{
    append32(out, 0xa1b23c4d); /* with nanoseconds */
    append32(out, 2 | 4 << 16);
    append32(out, 0);
    append32(out, 0);
    append32(out, PCAPNG_SNAP_LENGTH);
    append32(out, link);
}

uint8_t *pcap_packet_begin(struct buffer *out, size_t len)
{
    return (uint8_t *)buffer_reserve(out, PCAP_PACKET_HEAD + len) + PCAP_PACKET_HEAD;
}

void pcap_packet_end(struct buffer *out, int64_t time_ns, uint32_t len)
{
    uint8_t *at = (uint8_t *)out->data + out->len;
    at = put32(at, (uint32_t)(time_ns / NS_PER_S));
    at = put32(at, (uint32_t)(time_ns % NS_PER_S));
    put32(put32(at, len), len);
    out->len += PCAP_PACKET_HEAD + len;
}
