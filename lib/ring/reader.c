/*
 * reader.c - reading the ring from anywhere.
 *
 * Every copy is validated afterwards against `claim`. When that has passed, the reader was overrun:
 * it starts again at `head`, and the next record's seq tells how many it missed. A record that is
 * none though nobody has passed is damage: what is left up to the tail is missed. Fails only at
 * opening; a ring that goes away stays mapped until the reader is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/ring/writer_private.h"

#define OVERRUN_TRIES 1000 /* then report the end: the writer is far too fast, try again later */

struct ring_reader {
    struct ring_map map;
    bool attached; /* the mapping is the writer's */
    dev_t device;
    ino_t inode;
    uint64_t generation;
    uint64_t position;
    uint64_t expected; /* the number that should come next; 0: any */
    struct buffer payload;
};

/* ------------------------------------------------------------------ opening */

enum status ring_reader_open(struct ring_reader **out, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "opening the live ring %s", path);
    struct ring_reader *reader = memory_new(sizeof *reader);
    struct stat st;
    enum status status = ring_map_existing(&reader->map, fd, path, false, err);
    if (status == STATUS_OK && fstat(fd, &st) != 0) {
        status = error_errno(err, errno, "%s", path);
        ring_map_close(&reader->map);
    }
    close(fd);
    if (status != STATUS_OK) {
        free(reader);
        return status;
    }
    reader->device = st.st_dev;
    reader->inode = st.st_ino;
    reader->generation = reader->map.header->generation;
    ring_reader_seek_oldest(reader);
    *out = reader;
    return STATUS_OK;
}

struct ring_reader *ring_reader_attach(struct ring_writer *writer)
{
    struct ring_reader *reader = memory_new(sizeof *reader);
    reader->map = writer->map;
    reader->attached = true;
    reader->generation = reader->map.header->generation;
    ring_reader_seek_oldest(reader);
    return reader;
}

void ring_reader_close(struct ring_reader *reader)
{
    if (!reader)
        return;
    if (!reader->attached)
        ring_map_close(&reader->map);
    buffer_close(&reader->payload);
    free(reader);
}

bool ring_reader_replaced(struct ring_reader *reader, const char *path, bool *restarted)
{
    struct stat st;
    uint64_t generation = reader->map.header->generation;
    if (restarted)
        *restarted = generation != reader->generation;
    reader->generation = generation;
    return stat(path, &st) == 0 && (st.st_dev != reader->device || st.st_ino != reader->inode);
}

/* ------------------------------------------------------------------ moving */

static uint64_t tail_of(const struct ring_reader *reader)
{
    return atomic_load_explicit(&reader->map.header->tail, memory_order_acquire);
}

static uint64_t head_of(const struct ring_reader *reader)
{
    return atomic_load_explicit(&reader->map.header->head, memory_order_relaxed);
}

/* Whether what was copied from `position` is whole: call it after the copy. */
static bool still_whole(const struct ring_reader *reader, uint64_t position)
{
    atomic_thread_fence(memory_order_acquire);
    uint64_t claim = atomic_load_explicit(&reader->map.header->claim, memory_order_relaxed);
    return claim <= position + reader->map.data_bytes;
}

void ring_reader_seek_oldest(struct ring_reader *reader)
{
    reader->position = head_of(reader);
    reader->expected = 0;
}

void ring_reader_seek_end(struct ring_reader *reader)
{
    reader->position = tail_of(reader);
    reader->expected = 0;
}

bool ring_reader_seek_seq(struct ring_reader *reader, uint64_t seq)
{
    struct ring_record head;
    ring_reader_seek_oldest(reader);
    uint64_t position = reader->position, tail = tail_of(reader);
    bool first = true;
    for (int tries = 0; position < tail;) {
        bool read = ring_record_head(&reader->map, position, &head);
        if (!still_whole(reader, position) && ++tries < OVERRUN_TRIES) {
            position = head_of(reader); /* overrun while walking */
            first = true;
            continue;
        }
        if (!read || tries == OVERRUN_TRIES) {
            ring_reader_seek_oldest(reader);
            return false;
        }
        bool begins = !(head.flags & RING_CHAIN_LATER);
        if (begins && head.seq >= seq) {
            reader->position = position;
            reader->expected = head.seq;
            return head.seq == seq || !first;
        }
        first = first && !begins;
        position += head.length;
    }
    reader->position = position;
    return true;
}

/* ------------------------------------------------------------------ reading */

static void record_fill(struct record *out, const struct ring_record *head,
                        const struct buffer *payload)
{
    bool known = head->forward_ns != RING_FORWARD_UNKNOWN;
    *out = (struct record){
        .type = (enum record_type)head->type,
        .seq = head->seq,
        .wall_ns = head->wall_ns,
        .mono_ns = head->mono_ns,
        .session = head->session,
        .slot = head->slot,
        .flags = (head->flags & 0xffffu) | (known ? RECORD_FORWARD_KNOWN : 0),
        .direction = (enum direction)(head->direction % DIRECTION_COUNT),
        .terminator = (enum terminator)head->terminator,
        .kind = head->kind,
        .method = head->method,
        .fault = head->fault,
        .fault_at = head->fault_at,
        .fragment = head->fragment,
        .before = head->before,
        .forward_ns = known ? head->forward_ns : 0,
        .offset_up = head->offset_up,
        .offset_down = head->offset_down,
        .re = head->re,
        .latency_ns = head->latency_ns,
        .payload = {payload->data ? payload->data : "", payload->len},
    };
}

/* Copies one record of a message behind what is in reader->payload. False: overrun. */
static bool copy_part(struct ring_reader *reader, uint64_t position, struct ring_record *head)
{
    if (!ring_record_head(&reader->map, position, head) || !still_whole(reader, position))
        return false;
    char *room = buffer_reserve(&reader->payload, head->payload_len);
    ring_words_load(room, ring_at(&reader->map, position) + sizeof *head, head->payload_len);
    if (!still_whole(reader, position))
        return false;
    reader->payload.len += head->payload_len;
    return true;
}

/* Copies the message that begins at *position, all its records; moves *position behind it. */
static bool copy_message(struct ring_reader *reader, uint64_t *position, struct ring_record *first)
{
    struct ring_record head;
    buffer_clear(&reader->payload);
    if (!copy_part(reader, *position, first))
        return false;
    head = *first;
    *position += head.length;
    while (head.flags & RING_CHAIN_MORE) {
        if (reader->payload.len > RING_PAYLOAD_MAX + RING_RECORD_MAX ||
            !copy_part(reader, *position, &head))
            return false;
        *position += head.length;
    }
    return true;
}

enum status ring_reader_next(struct ring_reader *reader, struct record *out, uint64_t *missed)
{
    struct ring_record first;
    for (int tries = 0; tries < OVERRUN_TRIES; tries++) {
        uint64_t position = reader->position;
        if (position >= tail_of(reader))
            return STATUS_END;
        if (!copy_message(reader, &position, &first)) {
            bool damaged = still_whole(reader, reader->position);
            reader->position = damaged ? tail_of(reader) : head_of(reader);
            continue;
        }
        reader->position = position;
        if (first.flags & RING_CHAIN_LATER)
            continue; /* its beginning was overwritten: it counts as missed */
        record_fill(out, &first, &reader->payload);
        if (missed)
            *missed =
                reader->expected && first.seq > reader->expected ? first.seq - reader->expected : 0;
        reader->expected = first.seq + 1;
        return STATUS_OK;
    }
    return STATUS_END;
}

enum status ring_reader_previous(struct ring_reader *reader, struct record *out)
{
    struct ring_record first;
    uint64_t position = reader->position;
    do {
        if (position <= head_of(reader))
            return STATUS_END;
        uint64_t length;
        ring_words_load(&length, ring_at(&reader->map, position - RING_TAIL_BYTES), sizeof length);
        if (length > RING_RECORD_MAX || length > position ||
            !ring_record_head(&reader->map, position - length, &first) ||
            !still_whole(reader, position - length))
            return STATUS_END;
        position -= length;
    } while (first.flags & RING_CHAIN_LATER);
    uint64_t end = position;
    if (!copy_message(reader, &end, &first))
        return STATUS_END;
    reader->position = position;
    reader->expected = first.seq;
    record_fill(out, &first, &reader->payload);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ asking */

uint64_t ring_reader_position(const struct ring_reader *reader)
{
    return reader->position;
}

uint64_t ring_reader_lag(const struct ring_reader *reader)
{
    uint64_t tail = tail_of(reader);
    return tail > reader->position ? tail - reader->position : 0;
}

uint64_t ring_reader_instance(const struct ring_reader *reader)
{
    return reader->map.header->instance;
}

uint64_t ring_reader_last_seq(const struct ring_reader *reader)
{
    return atomic_load_explicit(&reader->map.header->tail_seq, memory_order_relaxed);
}

uint32_t ring_reader_slots(const struct ring_reader *reader)
{
    return reader->map.header->slot_count;
}

const struct ring_counters *ring_reader_counters(const struct ring_reader *reader)
{
    return &reader->map.header->counters;
}

enum status ring_reader_session(struct ring_reader *reader, uint32_t slot, struct session_info *out)
{
    if (slot >= reader->map.header->slot_count)
        return STATUS_END;
    const struct ring_slot *shared = &reader->map.slots[slot];
    for (int tries = 0; tries < OVERRUN_TRIES; tries++) {
        uint32_t before = atomic_load_explicit(&shared->sequence, memory_order_acquire);
        if (before == 0)
            return STATUS_NOT_FOUND;
        ring_words_load(out, &shared->info, sizeof *out);
        out->bytes_up = atomic_load_explicit(&shared->bytes_up, memory_order_relaxed);
        out->bytes_down = atomic_load_explicit(&shared->bytes_down, memory_order_relaxed);
        out->unasked = atomic_load_explicit(&shared->unasked, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (!(before & 1) &&
            atomic_load_explicit(&shared->sequence, memory_order_relaxed) == before)
            return STATUS_OK;
    }
    return STATUS_NOT_FOUND; /* its writer died in the middle of it */
}
