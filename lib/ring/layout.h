/*
 * layout.h - the bytes of the ring file, private to ring_*.c. See ring.h for how they are
 * used.
 */
#ifndef HASHSCOPE_RING_LAYOUT_H
#define HASHSCOPE_RING_LAYOUT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "lib/ring/ring.h"

#define RING_MAGIC      "HSRING\r\n"
#define RING_VERSION    1u
#define RING_TABLE_AT   4096u
#define RING_MIRROR     RING_RECORD_MAX /* bytes of data mapped again behind its end */
#define RING_HEAD_BYTES 128u            /* sizeof(struct ring_record) */
#define RING_TAIL_BYTES 8u              /* the record's length once more, for walking back */

struct ring_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t data_bytes, data_offset;
    uint32_t slot_bytes, slot_count;
    uint64_t instance;
    char boot_id[40];            /* of the kernel, of the last run that wrote here */
    _Atomic uint64_t generation; /* random, of that run */
    _Atomic uint32_t clean;      /* it was closed properly */
    _Atomic uint32_t pid;
    _Atomic uint64_t session_number; /* the last one given */
    _Atomic uint64_t slots_used;     /* slots below this were used at some time */

    alignas(128) _Atomic uint64_t tail; /* readers may read below */
    _Atomic uint64_t tail_seq;          /* last number below the tail */

    alignas(128) _Atomic uint64_t claim; /* the writer may be writing below */
    _Atomic uint64_t head;               /* the oldest record that is whole */

    alignas(128) struct ring_counters counters;
};
_Static_assert(sizeof(struct ring_header) <= RING_TABLE_AT, "the header fits its page");

/* ring_record.flags holds record.flags in its low half, and: */
#define RING_CHAIN_MORE  0x00010000u /* the next record holds more of this message */
#define RING_CHAIN_LATER 0x00020000u /* this is not the message's first record */

#define RING_FORWARD_UNKNOWN UINT32_MAX

/* In front of every payload. The CRC covers everything from `seq` on, the payload included. */
struct ring_record {
    uint64_t commit; /* its position + 1, written last */
    uint32_t length; /* with head, padding and tail; a multiple of 8 */
    uint32_t crc;
    uint32_t forward_ns; /* filled in at publication, hence outside the CRC */
    uint32_t reserved;
    uint64_t seq;
    int64_t wall_ns, mono_ns;
    struct uuid session;
    uint32_t slot, flags;
    uint8_t type, direction, terminator, kind;
    uint8_t method, fault;
    uint16_t pad;
    uint32_t fault_at, fragment;
    uint32_t payload_len, before;
    uint64_t offset_up, offset_down;
    uint64_t re;
    int64_t latency_ns;
};
_Static_assert(sizeof(struct ring_record) == RING_HEAD_BYTES, "two cache lines");
_Static_assert(RECORD_FRAGMENT_MAX + RING_HEAD_BYTES + RING_TAIL_BYTES <= RING_RECORD_MAX,
               "a fragment is a record");
#define RING_CRC_FROM offsetof(struct ring_record, seq)

struct ring_slot {
    _Atomic uint32_t sequence; /* odd while being written */
    _Atomic uint32_t unasked;
    _Atomic uint64_t closed_at; /* ring position at its close; 0: not closed */
    _Atomic uint64_t bytes_up, bytes_down;
    struct session_info info;
};
_Static_assert(sizeof(struct session_info) % 8 == 0 && sizeof(struct ring_slot) % 8 == 0, "words");

/* A mapping of the file, the data's beginning mapped again behind its end. */
struct ring_map {
    struct ring_header *header;
    struct ring_slot *slots;
    unsigned char *data;
    uint64_t data_bytes;
    void *base; /* of the whole address range */
    size_t base_bytes;
};

enum status ring_map_open(struct ring_map *map, int fd, uint64_t data_offset, uint64_t data_bytes,
                          bool writable, struct error *err) MUST_CHECK;
void ring_map_close(struct ring_map *map);
/* Checks magic, version and that the sizes fit the file; maps it. */
enum status ring_map_existing(struct ring_map *map, int fd, const char *path, bool writable,
                              struct error *err) MUST_CHECK;

static inline unsigned char *ring_at(const struct ring_map *map, uint64_t position)
{
    return map->data + position % map->data_bytes;
}

/* Copies that other threads and processes may race with: whole words, relaxed. `shared` is aligned
 * to 8 and has room for len rounded up to words; a store pads the last word with zeros. */
void ring_words_store(void *shared, const void *from, size_t len);
void ring_words_load(void *to, const void *shared, size_t len);

/* Copies the head of the record at `position` and says whether it is one: commit word, length and
 * payload length agree. Not yet whether it is still whole: look at claim afterwards. */
bool ring_record_head(const struct ring_map *map, uint64_t position, struct ring_record *out);
uint32_t ring_record_crc(const struct ring_record *head, const void *payload);
/* The same over a payload that still lies in the ring. */
bool ring_record_intact(const struct ring_map *map, uint64_t position,
                        const struct ring_record *head);

static inline uint32_t ring_record_length(size_t payload_len)
{
    return (uint32_t)((sizeof(struct ring_record) + payload_len + RING_TAIL_BYTES + 7) &
                      ~(size_t)7);
}

#endif
