/*
 * writer.c - making and reopening the ring, putting records in, publishing them.
 *
 * A new ring is built beside the old path and renamed over it when it is whole. An existing one
 * goes on: recovery walks from the published tail over records that are complete (commit word,
 * expected seq, CRC); after a reboot, when pages may have reached the disk in any order, it checks
 * every record from the head on and keeps the run that is intact.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/ring/writer_private.h"

#define PREFETCH_BYTES 384 /* of the ring, for the next record while the loop sleeps */

static void boot_id_read(char out[40])
{
    memset(out, 0, 40);
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file)
        return;
    if (!fgets(out, 40, file))
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

static uint64_t pages(uint64_t bytes)
{
    return (bytes + 4095) & ~UINT64_C(4095);
}

static uint64_t data_size(const struct ring_settings *settings)
{
    return pages(settings->bytes < RING_BYTES_MIN ? RING_BYTES_MIN : settings->bytes);
}

/* ------------------------------------------------------------------ opening */

static enum status allocate(int fd, const char *path, uint64_t bytes, struct error *err)
{
    int errnum = posix_fallocate(fd, 0, (off_t)bytes);
    if (errnum)
        return error_errno(err, errnum, "%s: allocating %llu bytes for the live ring", path,
                           (unsigned long long)bytes);
    return STATUS_OK;
}

static void header_fill(struct ring_map *map, const struct ring_settings *settings,
                        uint64_t data_offset, uint64_t data_bytes)
{
    struct ring_header *h = map->header;
    memcpy(h->magic, RING_MAGIC, sizeof h->magic);
    h->version = RING_VERSION;
    h->header_bytes = sizeof *h;
    h->data_bytes = data_bytes;
    h->data_offset = data_offset;
    h->slot_bytes = sizeof(struct ring_slot);
    h->slot_count = settings->slots;
    h->instance = settings->instance;
    h->tail_seq = settings->first_seq ? settings->first_seq - 1 : 0;
}

static enum status make_at(struct ring_map *map, const struct ring_settings *settings,
                           const char *path, struct error *err)
{
    uint64_t offset = pages(RING_TABLE_AT + (uint64_t)settings->slots * sizeof(struct ring_slot));
    uint64_t bytes = data_size(settings);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, settings->file_mode);
    if (fd < 0)
        return error_errno(err, errno, "making %s", path);
    enum status status = allocate(fd, path, offset + bytes, err);
    if (status == STATUS_OK)
        status = ring_map_open(map, fd, offset, bytes, true, err);
    if (status == STATUS_OK)
        header_fill(map, settings, offset, bytes);
    close(fd);
    if (status != STATUS_OK)
        unlink(path);
    return status;
}

static enum status ring_make(struct ring_writer *writer, const struct ring_settings *settings,
                             struct error *err)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s.new", settings->path) >= (int)sizeof path)
        return error_set(err, STATUS_INVALID, "%s: the path is too long", settings->path);
    enum status status = make_at(&writer->map, settings, path, err);
    if (status != STATUS_OK)
        return status;
    if (rename(path, settings->path) != 0) {
        status = error_errno(err, errno, "renaming %s to %s", path, settings->path);
        unlink(path);
        ring_map_close(&writer->map);
    }
    return status;
}

/* ------------------------------------------------------------------ recovery */

/* The end of the run of whole messages from `position` on, at most to `limit`; *seq is the last
 * number before it on the way in, the last number in it on the way out. */
static uint64_t recover_run(const struct ring_map *map, uint64_t position, uint64_t limit,
                            uint64_t *seq, uint64_t *count)
{
    struct ring_record head;
    uint64_t whole = position;
    bool chained = false;
    while (position < limit && ring_record_head(map, position, &head)) {
        bool later = (head.flags & RING_CHAIN_LATER) != 0;
        if (head.seq != *seq + 1 || later != chained || position + head.length > limit ||
            !ring_record_intact(map, position, &head))
            break;
        position += head.length;
        chained = (head.flags & RING_CHAIN_MORE) != 0;
        if (!chained) {
            whole = position;
            *seq = head.seq;
            ++*count;
        }
    }
    return whole;
}

/* The first number at or behind the head; 0 when there is nothing. Moves the head over the rest of
 * a message whose beginning was overwritten. */
static uint64_t recover_oldest(struct ring_map *map)
{
    struct ring_record head;
    uint64_t position = map->header->head, tail = map->header->tail;
    while (position < tail && ring_record_head(map, position, &head)) {
        if (!(head.flags & RING_CHAIN_LATER)) {
            map->header->head = position;
            return head.seq;
        }
        position += head.length;
    }
    map->header->head = tail;
    return 0;
}

static void recover_after_reboot(struct ring_map *map)
{
    struct ring_header *h = map->header;
    uint64_t oldest = recover_oldest(map), count = 0;
    if (!oldest)
        return;
    uint64_t seq = oldest - 1;
    h->tail = recover_run(map, h->head, h->tail, &seq, &count);
    h->tail_seq = count ? seq : 0;
    if (!count)
        h->head = h->tail;
}

static void recover(struct ring_writer *writer, struct ring_recovered *out)
{
    struct ring_header *h = writer->map.header;
    char boot[40];
    boot_id_read(boot);
    out->existed = true;
    out->clean = h->clean != 0;
    out->rebooted = memcmp(boot, h->boot_id, sizeof boot) != 0;
    if (out->rebooted)
        recover_after_reboot(&writer->map);
    uint64_t seq = h->tail_seq;
    if (!out->rebooted)
        h->tail = recover_run(&writer->map, h->tail, h->claim, &seq, &out->past_tail);
    h->tail_seq = seq;
    out->last_seq = seq;
    out->oldest_seq = recover_oldest(&writer->map);
    writer->next_seq = seq + 1;
}

static enum status reopen(struct ring_writer *writer, int fd, const struct ring_settings *settings,
                          struct ring_recovered *recovered, struct error *err)
{
    enum status status = ring_map_existing(&writer->map, fd, settings->path, true, err);
    if (status != STATUS_OK)
        return status;
    const struct ring_header *h = writer->map.header;
    if (h->instance != settings->instance)
        status = error_set(err, STATUS_UNSUPPORTED, "%s is the ring of another data directory",
                           settings->path);
    else if (h->head > h->tail || h->tail > h->claim || h->claim - h->head > h->data_bytes)
        status = error_set(err, STATUS_DAMAGED, "%s: its positions contradict each other",
                           settings->path);
    if (status != STATUS_OK) {
        ring_map_close(&writer->map);
        return status;
    }
    recovered->other_size =
        h->data_bytes != data_size(settings) || h->slot_count != settings->slots;
    recover(writer, recovered);
    return STATUS_OK;
}

static void begin_run(struct ring_writer *writer)
{
    struct ring_header *h = writer->map.header;
    writer->claim = writer->published = h->tail;
    writer->head = h->head;
    h->claim = h->tail;
    boot_id_read(h->boot_id);
    h->clean = 0;
    h->pid = (uint32_t)getpid();
    memset(&h->counters, 0, sizeof h->counters);
    h->generation = random_u64();
    ring_sessions_init(writer);
}

enum status ring_writer_open(struct ring_writer **out, const struct ring_settings *settings,
                             struct ring_recovered *recovered, struct error *err)
{
    struct ring_writer *writer = memory_new(sizeof *writer);
    *recovered = (struct ring_recovered){0};
    enum status status;
    int fd = open(settings->path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        status = reopen(writer, fd, settings, recovered, err);
        close(fd);
    } else if (errno == ENOENT) {
        status = ring_make(writer, settings, err);
        writer->next_seq = settings->first_seq ? settings->first_seq : 1;
    } else {
        status = error_errno(err, errno, "opening %s", settings->path);
    }
    if (status != STATUS_OK) {
        free(writer);
        return status;
    }
    begin_run(writer);
    *out = writer;
    return STATUS_OK;
}

void ring_writer_close(struct ring_writer *writer)
{
    if (!writer)
        return;
    writer->map.header->clean = 1;
    ring_map_close(&writer->map);
    ring_sessions_close(writer);
    free(writer);
}

/* ------------------------------------------------------------------ writing */

/* Takes [claim, claim + length): the records that lie there are gone for readers from now on. */
static void claim_space(struct ring_writer *writer, uint32_t length)
{
    struct ring_header *h = writer->map.header;
    uint64_t end = writer->claim + length;
    while (writer->head + writer->map.data_bytes < end) {
        const struct ring_record *oldest = (const void *)ring_at(&writer->map, writer->head);
        writer->head += oldest->length;
    }
    atomic_store_explicit(&h->head, writer->head, memory_order_relaxed);
    atomic_store_explicit(&h->claim, end, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void head_fill(struct ring_record *head, const struct record *record, uint64_t seq)
{
    *head = (struct ring_record){
        .forward_ns = RING_FORWARD_UNKNOWN,
        .seq = seq,
        .wall_ns = record->wall_ns,
        .mono_ns = record->mono_ns,
        .session = record->session,
        .slot = record->slot,
        .flags = record->flags & 0xffffu & ~RECORD_FORWARD_KNOWN,
        .type = (uint8_t)record->type,
        .direction = (uint8_t)record->direction,
        .terminator = (uint8_t)record->terminator,
        .kind = record->kind,
        .method = record->method,
        .fault = record->fault,
        .fault_at = record->fault_at,
        .fragment = record->fragment,
        .before = record->before,
        .offset_up = record->offset_up,
        .offset_down = record->offset_down,
        .re = record->re,
        .latency_ns = record->latency_ns,
    };
}

static void put_record(struct ring_writer *writer, struct ring_record *head, const char *payload,
                       size_t len)
{
    head->payload_len = (uint32_t)len;
    head->length = ring_record_length(len);
    head->crc = ring_record_crc(head, payload);
    claim_space(writer, head->length);
    unsigned char *at = ring_at(&writer->map, writer->claim);
    ring_words_store(at + 8, (const unsigned char *)head + 8, sizeof *head - 8);
    ring_words_store(at + sizeof *head, payload, len);
    uint64_t length = head->length;
    ring_words_store(at + head->length - RING_TAIL_BYTES, &length, sizeof length);
    __atomic_store_n((uint64_t *)(void *)at, writer->claim + 1, __ATOMIC_RELEASE);
    writer->claim += head->length;
}

/* What waits to be published must not be overwritten: readers would find nothing at the tail, and
 * neither would we. So it is published before it fills half a ring, its delays unknown. */
static void make_way(struct ring_writer *writer, size_t payload_len)
{
    if (writer->claim + payload_len - writer->published > writer->map.data_bytes / 2)
        ring_writer_publish(writer, 0);
}

uint64_t ring_writer_append(struct ring_writer *writer, const struct record *record)
{
    struct ring_record head;
    uint64_t seq = writer->next_seq++;
    const char *payload = record->payload.data;
    size_t left = record->payload.len;
    const size_t most = RING_RECORD_MAX - sizeof head - RING_TAIL_BYTES;
    make_way(writer, left);
    head_fill(&head, record, seq);
    uint32_t flags = head.flags;
    while (left > most) {
        head.flags = flags | RING_CHAIN_MORE;
        put_record(writer, &head, payload, most);
        payload += most;
        left -= most;
        flags |= RING_CHAIN_LATER;
    }
    head.flags = flags;
    put_record(writer, &head, payload, left);
    if (record->type == RECORD_MESSAGE)
        ring_count(&writer->map.header->counters.messages, 1);
    else
        ring_count(&writer->map.header->counters.events, 1);
    return seq;
}

static void set_forward(struct ring_record *record, int64_t forwarded_mono_ns)
{
    int64_t delay = forwarded_mono_ns - record->mono_ns;
    uint32_t forward = delay < 0                       ? 0
                       : delay >= RING_FORWARD_UNKNOWN ? RING_FORWARD_UNKNOWN - 1
                                                       : (uint32_t)delay;
    __atomic_store_n(&record->forward_ns, forward, __ATOMIC_RELAXED);
}

void ring_writer_publish_to(struct ring_writer *writer, uint64_t position,
                            int64_t forwarded_mono_ns)
{
    struct ring_header *h = writer->map.header;
    if (writer->published >= position)
        return;
    uint64_t at = writer->published, seq = 0;
    while (at < position) {
        struct ring_record *record = (void *)ring_at(&writer->map, at);
        if (forwarded_mono_ns)
            set_forward(record, forwarded_mono_ns);
        seq = record->seq;
        at += record->length;
    }
    writer->published = position;
    atomic_store_explicit(&h->tail_seq, seq, memory_order_relaxed);
    atomic_store_explicit(&h->tail, position, memory_order_release);
    const unsigned char *next = ring_at(&writer->map, writer->claim);
    for (size_t i = 0; i < PREFETCH_BYTES; i += 64)
        __builtin_prefetch(next + i, 1);
}

void ring_writer_publish(struct ring_writer *writer, int64_t forwarded_mono_ns)
{
    ring_writer_publish_to(writer, writer->claim, forwarded_mono_ns);
}

uint64_t ring_writer_next_seq(const struct ring_writer *writer)
{
    return writer->next_seq;
}

uint64_t ring_writer_position(const struct ring_writer *writer)
{
    return writer->claim;
}

uint64_t ring_writer_bytes(const struct ring_writer *writer)
{
    return writer->map.data_bytes;
}

struct ring_counters *ring_writer_counters(struct ring_writer *writer)
{
    return &writer->map.header->counters;
}
