/*
 * pcapng.c - blocks one after the other: type and length, body, length again.
 *
 * A block of no interest is passed over without being held. A packet's body is read whole, then
 * taken apart by a cursor that never leaves it. What can fail: the file ends inside a block, a
 * length is none, the two lengths differ, a packet names an interface that the section does not
 * have. Behind that the stream of blocks is not to be trusted, so reading ends there.
 */
#include "exporter/import/pcapng.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define BLOCK_SECTION   0x0A0D0D0Au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    2u /* obsolete, still met */
#define BLOCK_SIMPLE    3u
#define BLOCK_ENHANCED  6u
#define ORDER_MAGIC     0x1A2B3C4Du

#define OPTION_END      0u
#define OPTION_COMMENT  1u
#define OPTION_TSRESOL  9u
#define OPTION_TSOFFSET 14u
#define OPTION_DROPS    4u /* of an enhanced packet: lost since the one before */

#define BLOCK_FRAME   12u /* type, length, length */
#define BLOCK_MAX     (IMPORT_PACKET_MAX + 65536u)
#define READ_STEP     65536u
#define INTERFACE_MAX (1u << 20) /* bytes of an interface's or section's block */
#define TIME_MAX      (INT64_MAX / 4)

struct interface {
    uint32_t link_type, snap_length;
    uint8_t resolution; /* as the option has it: 10^-n, or 2^-n with the high bit */
    int64_t offset_s;
};

struct import_pcapng {
    FILE *file;
    struct import_capture_facts *facts;
    uint64_t offset; /* of the next block */
    bool big_endian, in_section;
    struct interface *interfaces;
    uint32_t interface_count, interface_room;
    int64_t last_ns; /* for packets without a time */
    struct buffer body;
};

/* What is left of a block's body. */
struct cursor {
    const unsigned char *at;
    size_t left;
    bool big_endian;
};

bool import_pcapng_is(const unsigned char head[4])
{
    return load_le32(head) == BLOCK_SECTION;
}

struct import_pcapng *import_pcapng_new(FILE *file, struct import_capture_facts *facts)
{
    struct import_pcapng *reader = memory_new(sizeof *reader);
    reader->file = file;
    reader->facts = facts;
    return reader;
}

void import_pcapng_free(struct import_pcapng *reader)
{
    if (!reader)
        return;
    free(reader->interfaces);
    buffer_close(&reader->body);
    free(reader);
}

/* ------------------------------------------------------------------ numbers */

static uint32_t number32(const unsigned char *at, bool big_endian)
{
    return big_endian ? __builtin_bswap32(load_le32(at)) : load_le32(at);
}

static uint32_t take16(struct cursor *in)
{
    uint16_t value = load_le16(in->at);
    in->at += 2;
    in->left -= 2;
    return in->big_endian ? __builtin_bswap16(value) : value;
}

static uint32_t take32(struct cursor *in)
{
    in->at += 4;
    in->left -= 4;
    return number32(in->at - 4, in->big_endian);
}

static uint64_t take64(struct cursor *in)
{
    uint64_t value = load_le64(in->at);
    in->at += 8;
    in->left -= 8;
    return in->big_endian ? __builtin_bswap64(value) : value;
}

/* The next option; false at their end. */
static bool take_option(struct cursor *in, uint32_t *code, struct cursor *value)
{
    if (in->left < 4)
        return false;
    *code = take16(in);
    size_t len = take16(in), padded = (len + 3) & ~(size_t)3;
    if (*code == OPTION_END || len > in->left)
        return false;
    *value = (struct cursor){in->at, len, in->big_endian};
    padded = padded < in->left ? padded : in->left;
    in->at += padded;
    in->left -= padded;
    return true;
}

/* ------------------------------------------------------------------ times */

__extension__ typedef __int128 wide_time;

static int64_t clamp_time(wide_time ns)
{
    return ns < 0 ? 0 : ns > TIME_MAX ? TIME_MAX : (int64_t)ns;
}

static int64_t time_of(const struct interface *interface, uint64_t ticks)
{
    unsigned exponent = interface->resolution & 0x7f;
    wide_time ns = 0, base = (wide_time)interface->offset_s * NS_PER_S;
    if (interface->resolution & 0x80) {
        if (exponent < 64) { /* whole seconds, then the rest */
            uint64_t rest = exponent ? ticks & (UINT64_MAX >> (64 - exponent)) : 0;
            ns = (wide_time)(ticks >> exponent) * NS_PER_S;
            ns += (wide_time)rest * NS_PER_S >> exponent;
        }
        return clamp_time(base + ns);
    }
    ns = ticks;
    for (; exponent < 9; exponent++)
        ns *= 10;
    for (; exponent > 9 && ns > 0; exponent--)
        ns /= 10;
    return clamp_time(base + ns);
}

/* ------------------------------------------------------------------ bodies */

static void take_interface(struct import_pcapng *reader, struct cursor body)
{
    struct interface interface = {.resolution = 6};
    struct cursor value;
    uint32_t code;
    if (body.left < 8 || reader->interface_count == IMPORT_INTERFACES_MAX)
        return;
    interface.link_type = take16(&body);
    (void)take16(&body);
    interface.snap_length = take32(&body);
    while (take_option(&body, &code, &value)) {
        if (code == OPTION_TSRESOL && value.left >= 1)
            interface.resolution = value.at[0];
        else if (code == OPTION_TSOFFSET && value.left >= 8)
            interface.offset_s = (int64_t)take64(&value);
    }
    if (reader->interface_count == reader->interface_room) {
        reader->interface_room = reader->interface_room ? reader->interface_room * 2 : 8;
        reader->interfaces =
            memory_resize(reader->interfaces, reader->interface_room * sizeof interface);
    }
    reader->interfaces[reader->interface_count++] = interface;
}

static void take_packet_options(struct import_pcapng *reader, struct cursor options,
                                struct import_packet *out)
{
    struct cursor value;
    uint32_t code;
    while (take_option(&options, &code, &value)) {
        if (code == OPTION_COMMENT && out->comment_count < IMPORT_COMMENTS)
            out->comments[out->comment_count++] = span_make((const char *)value.at, value.left);
        else if (code == OPTION_DROPS && value.left >= 8)
            reader->facts->drops += take64(&value);
    }
}

static enum status no_interface(uint32_t number, struct error *err)
{
    return error_set(err, STATUS_DAMAGED,
                     "a packet names interface %" PRIu32 ", which its section does not have",
                     number);
}

/* The captured bytes, at most what the block has. */
static void take_data(struct cursor *body, struct import_packet *out, uint32_t captured)
{
    size_t padded = ((size_t)captured + 3) & ~(size_t)3;
    out->captured = captured < body->left ? captured : (uint32_t)body->left;
    out->data = body->at;
    padded = padded < body->left ? padded : body->left;
    body->at += padded;
    body->left -= padded;
}

static enum status take_packet(struct import_pcapng *reader, uint32_t type, struct cursor body,
                               struct import_packet *out, struct error *err)
{
    if (body.left < 20)
        return error_set(err, STATUS_DAMAGED, "a packet's block is too short");
    uint32_t number = type == BLOCK_ENHANCED ? take32(&body) : take16(&body);
    if (type == BLOCK_PACKET)
        (void)take16(&body); /* drops; 0xffff: not known */
    if (number >= reader->interface_count)
        return no_interface(number, err);
    const struct interface *interface = &reader->interfaces[number];
    uint64_t ticks = (uint64_t)take32(&body) << 32;
    ticks |= take32(&body);
    uint32_t captured = take32(&body);
    *out = (struct import_packet){.length = take32(&body),
                                  .link_type = interface->link_type,
                                  .wall_ns = time_of(interface, ticks)};
    reader->last_ns = out->wall_ns;
    take_data(&body, out, captured);
    take_packet_options(reader, body, out);
    return STATUS_OK;
}

static enum status take_simple(struct import_pcapng *reader, struct cursor body,
                               struct import_packet *out, struct error *err)
{
    if (body.left < 4)
        return error_set(err, STATUS_DAMAGED, "a packet's block is too short");
    if (reader->interface_count == 0)
        return no_interface(0, err);
    const struct interface *interface = &reader->interfaces[0];
    uint32_t length = take32(&body), captured = length;
    if (interface->snap_length && captured > interface->snap_length)
        captured = interface->snap_length;
    *out = (struct import_packet){
        .length = length, .link_type = interface->link_type, .wall_ns = reader->last_ns};
    take_data(&body, out, captured);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ blocks */

static enum status cut_off(const struct import_pcapng *reader, struct error *err)
{
    return error_set(err, STATUS_DAMAGED,
                     "it is cut off: its last block, at byte %" PRIu64 ", is not whole",
                     reader->offset);
}

/* Reads `len` bytes into the body, in steps: a length alone makes no memory. */
static bool read_body(struct import_pcapng *reader, size_t len)
{
    buffer_clear(&reader->body);
    while (reader->body.len < len) {
        size_t step = len - reader->body.len < READ_STEP ? len - reader->body.len : READ_STEP;
        char *room = buffer_reserve(&reader->body, step);
        if (fread(room, 1, step, reader->file) != step)
            return false;
        reader->body.len += step;
    }
    return true;
}

static bool pass_over(struct import_pcapng *reader, uint64_t len)
{
    unsigned char sink[4096];
    while (len > 0) {
        size_t step = len < sizeof sink ? (size_t)len : sizeof sink;
        if (fread(sink, 1, step, reader->file) != step)
            return false;
        len -= step;
    }
    return true;
}

/* A section begins: its byte order holds for its own length too. */
static enum status begin_section(struct import_pcapng *reader, const unsigned char magic[4],
                                 struct error *err)
{
    if (load_le32(magic) != ORDER_MAGIC && number32(magic, true) != ORDER_MAGIC)
        return error_set(err, STATUS_DAMAGED,
                         "the section at byte %" PRIu64 " has no byte order that is known",
                         reader->offset);
    reader->big_endian = load_le32(magic) != ORDER_MAGIC;
    reader->interface_count = 0;
    reader->in_section = true;
    return STATUS_OK;
}

struct block {
    uint32_t type;
    uint32_t length; /* with its frame */
    uint32_t taken;  /* of the body, already read */
};

static enum status read_head(struct import_pcapng *reader, struct block *block, struct error *err)
{
    unsigned char head[12];
    size_t got = fread(head, 1, 8, reader->file);
    if (got == 0 && feof(reader->file))
        return STATUS_END;
    if (got != 8)
        return cut_off(reader, err);
    *block = (struct block){.type = load_le32(head)};
    if (block->type == BLOCK_SECTION) {
        if (fread(head + 8, 1, 4, reader->file) != 4)
            return cut_off(reader, err);
        block->taken = 4;
        enum status status = begin_section(reader, head + 8, err);
        if (status != STATUS_OK)
            return status;
    }
    if (!reader->in_section)
        return error_set(err, STATUS_DAMAGED, "it does not begin with a section");
    block->type = number32(head, reader->big_endian);
    block->length = number32(head + 4, reader->big_endian);
    if (block->length < BLOCK_FRAME + block->taken || block->length % 4 != 0)
        return error_set(err, STATUS_DAMAGED,
                         "the block at byte %" PRIu64 " gives %" PRIu32 " as its length",
                         reader->offset, block->length);
    return STATUS_OK;
}

static bool is_packet(uint32_t type)
{
    return type == BLOCK_ENHANCED || type == BLOCK_PACKET || type == BLOCK_SIMPLE;
}

/* The body in memory, or passed over. */
static bool is_read(struct import_pcapng *reader, const struct block *block)
{
    uint32_t limit = block->type == BLOCK_INTERFACE ? INTERFACE_MAX : BLOCK_MAX;
    if (!is_packet(block->type) && block->type != BLOCK_INTERFACE)
        reader->facts->blocks_skipped += block->type != BLOCK_SECTION;
    else if (block->length <= limit)
        return true;
    else
        reader->facts->oversized += is_packet(block->type);
    return false;
}

static enum status end_block(struct import_pcapng *reader, const struct block *block,
                             struct error *err)
{
    unsigned char length[4];
    if (fread(length, 1, sizeof length, reader->file) != sizeof length)
        return cut_off(reader, err);
    if (number32(length, reader->big_endian) != block->length)
        return error_set(err, STATUS_DAMAGED,
                         "the block at byte %" PRIu64 " gives two lengths, %" PRIu32
                         " and %" PRIu32,
                         reader->offset, block->length, number32(length, reader->big_endian));
    reader->offset += block->length;
    return STATUS_OK;
}

/* One block. STATUS_BUSY: it was no packet. */
static enum status next_block(struct import_pcapng *reader, struct import_packet *out,
                              struct error *err)
{
    struct block block = {0};
    enum status status = read_head(reader, &block, err);
    if (status != STATUS_OK)
        return status;
    uint32_t len = block.length - BLOCK_FRAME - block.taken;
    bool held = is_read(reader, &block);
    if (held ? !read_body(reader, len) : !pass_over(reader, len))
        return cut_off(reader, err);
    status = end_block(reader, &block, err);
    if (status != STATUS_OK || !held)
        return status == STATUS_OK ? STATUS_BUSY : status;
    struct cursor body = {(const unsigned char *)reader->body.data, len, reader->big_endian};
    if (block.type == BLOCK_SIMPLE)
        return take_simple(reader, body, out, err);
    if (is_packet(block.type))
        return take_packet(reader, block.type, body, out, err);
    take_interface(reader, body);
    return STATUS_BUSY;
}

enum status import_pcapng_next(struct import_pcapng *reader, struct import_packet *out,
                               struct error *err)
{
    enum status status;
    do
        status = next_block(reader, out, err);
    while (status == STATUS_BUSY);
    return status;
}
