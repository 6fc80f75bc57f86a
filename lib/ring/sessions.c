/*
 * sessions.c - the session table of the ring.
 *
 * A slot is free (never used), open or closed. A new session takes the oldest closed slot when the
 * ring no longer holds a record of it, else a free one, else the oldest closed one all the same.
 * The caller keeps fewer open sessions than there are slots.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/ring/writer_private.h"

static void queue_put(struct slot_queue *queue, uint32_t slot)
{
    queue->next[slot] = RING_NO_SLOT;
    if (queue->first == RING_NO_SLOT)
        queue->first = slot;
    else
        queue->next[queue->last] = slot;
    queue->last = slot;
}

static uint32_t queue_take(struct slot_queue *queue)
{
    uint32_t slot = queue->first;
    queue->first = queue->next[slot];
    return slot;
}

void ring_sessions_init(struct ring_writer *writer)
{
    const struct ring_header *h = writer->map.header;
    writer->closed.next = memory_new(h->slot_count * sizeof *writer->closed.next);
    writer->closed.first = writer->closed.last = RING_NO_SLOT;
    writer->session_number = h->session_number;
    writer->slots_used = h->slots_used < h->slot_count ? (uint32_t)h->slots_used : h->slot_count;
    for (uint32_t i = 0; i < writer->slots_used; i++) {
        struct ring_slot *slot = &writer->map.slots[i];
        if (slot->sequence & 1)
            slot->sequence++; /* the last run died while it wrote here */
        if (slot->info.state == SESSION_CLOSED)
            queue_put(&writer->closed, i);
    }
}

void ring_sessions_close(struct ring_writer *writer)
{
    free(writer->closed.next);
}

static void slot_write(struct ring_slot *slot, const struct session_info *info, uint64_t closed_at)
{
    uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    ring_words_store(&slot->info, info, sizeof *info);
    atomic_store_explicit(&slot->closed_at, closed_at, memory_order_relaxed);
    atomic_store_explicit(&slot->bytes_up, info->bytes_up, memory_order_relaxed);
    atomic_store_explicit(&slot->bytes_down, info->bytes_down, memory_order_relaxed);
    atomic_store_explicit(&slot->unasked, info->unasked, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
}

static uint32_t slot_choose(struct ring_writer *writer)
{
    uint32_t oldest = writer->closed.first;
    bool gone = oldest != RING_NO_SLOT && writer->map.slots[oldest].closed_at < writer->head;
    if (!gone && writer->slots_used < writer->map.header->slot_count) {
        uint32_t slot = writer->slots_used++;
        writer->map.header->slots_used = writer->slots_used;
        return slot;
    }
    return oldest == RING_NO_SLOT ? RING_NO_SLOT : queue_take(&writer->closed);
}

uint32_t ring_session_open(struct ring_writer *writer, struct session_info *info)
{
    uint32_t slot = slot_choose(writer);
    info->number = ++writer->session_number;
    writer->map.header->session_number = writer->session_number;
    if (slot != RING_NO_SLOT)
        slot_write(&writer->map.slots[slot], info, 0);
    return slot;
}

void ring_session_update(struct ring_writer *writer, uint32_t slot, const struct session_info *info)
{
    if (slot == RING_NO_SLOT)
        return;
    bool closed = info->state == SESSION_CLOSED;
    slot_write(&writer->map.slots[slot], info, closed ? writer->claim : 0);
    if (closed)
        queue_put(&writer->closed, slot);
}

void ring_session_get(const struct ring_writer *writer, uint32_t slot, struct session_info *out)
{
    *out = (struct session_info){0};
    if (slot == RING_NO_SLOT)
        return;
    const struct ring_slot *from = &writer->map.slots[slot];
    *out = from->info;
    out->bytes_up = from->bytes_up;
    out->bytes_down = from->bytes_down;
    out->unasked = from->unasked;
}

void ring_session_bytes(struct ring_writer *writer, uint32_t slot, uint64_t up, uint64_t down)
{
    if (slot == RING_NO_SLOT)
        return;
    atomic_store_explicit(&writer->map.slots[slot].bytes_up, up, memory_order_relaxed);
    atomic_store_explicit(&writer->map.slots[slot].bytes_down, down, memory_order_relaxed);
}

void ring_session_unasked(struct ring_writer *writer, uint32_t slot)
{
    if (slot != RING_NO_SLOT)
        atomic_fetch_add_explicit(&writer->map.slots[slot].unasked, 1, memory_order_relaxed);
}

void ring_session_each_open(struct ring_writer *writer,
                            void (*each)(void *user, uint32_t slot, struct session_info *info),
                            void *user)
{
    for (uint32_t i = 0; i < writer->slots_used; i++) {
        struct ring_slot *slot = &writer->map.slots[i];
        if (slot->info.state != SESSION_CONNECTING && slot->info.state != SESSION_OPEN)
            continue;
        struct session_info info;
        ring_session_get(writer, i, &info);
        each(user, i, &info);
    }
}
