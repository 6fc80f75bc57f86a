/*
 * map.c - mapping the ring file, and reading single records from the mapping.
 *
 * One address range is reserved; header, table and data are mapped into it from the file, and the
 * data's first RING_MIRROR bytes once more right behind. Fails when the file is no ring, of another
 * version, or shorter than its header says.
 */
#include "lib/ring/layout.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define POPULATE_MOST ((size_t)256 << 20)

/* The first write to a page of a file is a fault that the file system answers, two microseconds of
 * the relay's for every fourteen messages: all of them are done here at once (MAP_POPULATE makes
 * pages that can only be read). It makes the pages dirty, hence the bound. Kernels before 5.14
 * refuse, and take the faults one by one. */
static void populate(void *at, size_t len)
{
    (void)madvise(at, len < POPULATE_MOST ? len : POPULATE_MOST, MADV_POPULATE_WRITE);
}

enum status ring_map_open(struct ring_map *map, int fd, uint64_t data_offset, uint64_t data_bytes,
                          bool writable, struct error *err)
{
    size_t whole = (size_t)(data_offset + data_bytes + RING_MIRROR);
    unsigned char *base =
        mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return error_errno(err, errno, "reserving %zu bytes of address space", whole);
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    int flags = MAP_SHARED | MAP_FIXED;
    void *first = mmap(base, (size_t)(data_offset + data_bytes), protection, flags, fd, 0);
    void *mirror = MAP_FAILED;
    if (first != MAP_FAILED)
        mirror = mmap(base + data_offset + data_bytes, RING_MIRROR, protection, flags, fd,
                      (off_t)data_offset);
    if (mirror == MAP_FAILED) {
        int errnum = errno;
        munmap(base, whole);
        return error_errno(err, errnum, "mapping %zu bytes", whole);
    }
    if (writable) {
        populate(first, (size_t)(data_offset + data_bytes));
        populate(mirror, RING_MIRROR);
    }
    map->base = base;
    map->base_bytes = whole;
    map->header = (struct ring_header *)(void *)base;
    map->slots = (struct ring_slot *)(void *)(base + RING_TABLE_AT);
    map->data = base + data_offset;
    map->data_bytes = data_bytes;
    return STATUS_OK;
}

void ring_map_close(struct ring_map *map)
{
    if (map->base)
        munmap(map->base, map->base_bytes);
    *map = (struct ring_map){0};
}

static enum status check_header(const struct ring_header *h, uint64_t file_bytes, const char *path,
                                struct error *err)
{
    if (memcmp(h->magic, RING_MAGIC, sizeof h->magic) != 0)
        return error_set(err, STATUS_DAMAGED, "%s is not a HashScope ring", path);
    if (h->version != RING_VERSION || h->header_bytes != sizeof(struct ring_header) ||
        h->slot_bytes != sizeof(struct ring_slot))
        return error_set(err, STATUS_UNSUPPORTED, "%s is a ring of version %u, expected %u", path,
                         h->version, RING_VERSION);
    uint64_t table_end = RING_TABLE_AT + (uint64_t)h->slot_count * sizeof(struct ring_slot);
    if (h->data_bytes < RING_BYTES_MIN || h->data_bytes % 4096 || h->data_offset % 4096 ||
        h->data_offset < table_end || h->data_offset > file_bytes ||
        h->data_bytes > file_bytes - h->data_offset)
        return error_set(err, STATUS_DAMAGED, "%s: sizes in its header do not fit the file", path);
    return STATUS_OK;
}

enum status ring_map_existing(struct ring_map *map, int fd, const char *path, bool writable,
                              struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, errno, "%s", path);
    struct ring_header header;
    ssize_t got = pread(fd, &header, sizeof header, 0);
    if (got != (ssize_t)sizeof header)
        return error_set(err, STATUS_DAMAGED, "%s is too short for a ring", path);
    enum status status = check_header(&header, (uint64_t)st.st_size, path, err);
    if (status != STATUS_OK)
        return status;
    status = ring_map_open(map, fd, header.data_offset, header.data_bytes, writable, err);
    return status == STATUS_OK ? status : error_wrap(err, status, "%s", path);
}

void ring_words_store(void *shared, const void *from, size_t len)
{
    uint64_t *to = shared;
    const unsigned char *bytes = from;
    uint64_t word;
    for (; len >= 8; len -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        __atomic_store_n(to++, word, __ATOMIC_RELAXED);
    }
    if (len) {
        word = 0;
        memcpy(&word, bytes, len);
        __atomic_store_n(to, word, __ATOMIC_RELAXED);
    }
}

void ring_words_load(void *to, const void *shared, size_t len)
{
    const uint64_t *from = shared;
    unsigned char *bytes = to;
    uint64_t word;
    for (; len >= 8; len -= 8, bytes += 8) {
        word = __atomic_load_n(from++, __ATOMIC_RELAXED);
        memcpy(bytes, &word, 8);
    }
    if (len) {
        word = __atomic_load_n(from, __ATOMIC_RELAXED);
        memcpy(bytes, &word, len);
    }
}

bool ring_record_head(const struct ring_map *map, uint64_t position, struct ring_record *out)
{
    const struct ring_record *shared = (const void *)ring_at(map, position);
    if (__atomic_load_n(&shared->commit, __ATOMIC_ACQUIRE) != position + 1)
        return false;
    ring_words_load(out, shared, sizeof *out);
    return out->commit == position + 1 && out->length <= RING_RECORD_MAX &&
           out->payload_len <= RING_RECORD_MAX &&
           out->length == ring_record_length(out->payload_len);
}

uint32_t ring_record_crc(const struct ring_record *head, const void *payload)
{
    uint32_t crc =
        crc32c(0, (const unsigned char *)head + RING_CRC_FROM, sizeof *head - RING_CRC_FROM);
    return crc32c(crc, payload, head->payload_len);
}

bool ring_record_intact(const struct ring_map *map, uint64_t position,
                        const struct ring_record *head)
{
    return ring_record_crc(head, ring_at(map, position) + sizeof *head) == head->crc;
}
