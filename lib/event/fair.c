/*
 * fair.c - the line: a binary heap of pointers, whose members know their places.
 *
 * How it can fail: memory for the line (memory.h ends the program); it is never larger than the
 * number of members.
 */
#include "lib/event/fair.h"

#include <stdlib.h>

#include "lib/base/memory.h"

#define LEAST_ROOM 64u

void fair_free(struct fair *fair)
{
    free(fair->line);
    *fair = (struct fair){0};
}

void fair_join(const struct fair *fair, struct fair_member *member)
{
    *member = (struct fair_member){.used = fair->now};
}

static void put(const struct fair *fair, uint32_t place, struct fair_member *member)
{
    fair->line[place - 1] = member;
    member->place = place;
}

/* Places count from 1: the parent of n is n / 2. */
static void rise(const struct fair *fair, struct fair_member *member, uint32_t place)
{
    while (place > 1 && fair->line[place / 2 - 1]->used > member->used) {
        put(fair, place, fair->line[place / 2 - 1]);
        place /= 2;
    }
    put(fair, place, member);
}

static void sink(const struct fair *fair, struct fair_member *member, uint32_t place)
{
    for (uint32_t child = 2 * place; child <= fair->count; child = 2 * place) {
        if (child < fair->count && fair->line[child]->used < fair->line[child - 1]->used)
            child++;
        if (fair->line[child - 1]->used >= member->used)
            break;
        put(fair, place, fair->line[child - 1]);
        place = child;
    }
    put(fair, place, member);
}

void fair_wait(struct fair *fair, struct fair_member *member)
{
    if (member->place != 0)
        return;
    if (fair->count == fair->room) {
        fair->room = fair->room == 0 ? LEAST_ROOM : 2 * fair->room;
        fair->line = memory_resize(fair->line, fair->room * sizeof(struct fair_member *));
    }
    fair->count++;
    rise(fair, member, fair->count);
}

void fair_leave(struct fair *fair, struct fair_member *member)
{
    uint32_t place = member->place;
    if (place == 0)
        return;
    struct fair_member *last = fair->line[fair->count - 1];
    member->place = 0;
    fair->count--;
    if (last == member)
        return;
    if (place > 1 && fair->line[place / 2 - 1]->used > last->used)
        rise(fair, last, place);
    else
        sink(fair, last, place);
}
