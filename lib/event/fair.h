/*
 * fair.h - whose turn it is: members that share one thing, each of which says what it has used.
 *
 * Who has used least comes next. `now` is how far those have come that are served at present, so a
 * member that has used less than that has had less than its share: it is light. One that was away
 * has saved at most FAIR_BURST, a newcomer nothing; a member that has used very much at once waits
 * until the others have had as much. So whoever floods waits, and behind a flood of any number a
 * light member is the next. Times when nobody waits make all of them light again.
 *
 * What is used has no unit here; nothing is allocated while nobody waits.
 * Ownership: members are the caller's, embedded; one that ends leaves first. Threads: one.
 */
#ifndef HASHSCOPE_EVENT_FAIR_H
#define HASHSCOPE_EVENT_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAIR_BURST (INT64_C(64) << 10)

struct fair_member {
    int64_t used;
    uint32_t place; /* in the line, from 1 on; 0: it does not wait */
};

/* Zeroed: ready. */
struct fair {
    struct fair_member **line; /* a heap: the first has used least */
    uint32_t count, room;
    int64_t now;
};

void fair_free(struct fair *fair);

void fair_join(const struct fair *fair, struct fair_member *member);
/* Its turn begins: what it has saved is limited. */
static inline void fair_begin(const struct fair *fair, struct fair_member *member)
{
    if (member->used < fair->now - FAIR_BURST)
        member->used = fair->now - FAIR_BURST;
}

/* Whether nobody waits who has used less. */
static inline bool fair_is_next(const struct fair *fair, const struct fair_member *member)
{
    return fair->count == 0 || member->used <= fair->line[0]->used;
}

static inline bool fair_is_light(const struct fair *fair, const struct fair_member *member)
{
    return member->used < fair->now;
}

/* It is served now; say what it uses with fair_use. */
static inline void fair_serve(struct fair *fair, const struct fair_member *member)
{
    if (member->used > fair->now)
        fair->now = member->used;
}

/* Not while it waits. */
static inline void fair_use(struct fair_member *member, uint64_t used)
{
    member->used += (int64_t)used;
}

/* Nobody waits. */
static inline void fair_rest(struct fair *fair)
{
    fair->now += FAIR_BURST;
}

/* Into the line and out of it; harmless when it is there already, or not. */
void fair_wait(struct fair *fair, struct fair_member *member);
void fair_leave(struct fair *fair, struct fair_member *member);

static inline struct fair_member *fair_first(const struct fair *fair)
{
    return fair->count > 0 ? fair->line[0] : NULL;
}

#endif
