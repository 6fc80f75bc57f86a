/*
 * address.c - what one address has and may have, found by a hash with a secret seed, and how
 * long those wait who send wrong tokens.
 *
 * The first GUESSES_FREE wrong tokens of an address cost nothing (a cookie that has become stale, a
 * slip); each further one doubles the delay, up to DELAY_MOST, and GUESS_FADES_NS without one takes
 * one off. Answers to one address go one behind the other, so that many connections gain nothing.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/front/front_private.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define GUESSES_FREE   5u
#define GUESSES_MOST   11u /* where the delay grows no more */
#define DELAY_FIRST    (62 * NS_PER_MS)
#define DELAY_MOST     (4 * NS_PER_S)
#define GUESS_FADES_NS (10 * NS_PER_S)

static struct address_key key_of(const struct sockaddr_storage *address)
{
    struct address_key key = {{(unsigned char)address->ss_family}};

    if (address->ss_family == AF_INET)
        memcpy(key.bytes + 1, &((const struct sockaddr_in *)address)->sin_addr, 4);
    else if (address->ss_family == AF_INET6) /* one customer has a whole /64 */
        memcpy(key.bytes + 1, &((const struct sockaddr_in6 *)address)->sin6_addr, 8);
    return key;
}

static bool same(const struct address_key *a, const struct address_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static struct front_address **list_of(struct front *front, const struct address_key *key)
{
    uint64_t hash = hash_bytes(front->addresses.seed, key->bytes, sizeof key->bytes);

    return &front->addresses.lists[hash % FRONT_ADDRESS_LIST];
}

struct front_address *front_address_join(struct front *front, const struct sockaddr_storage *of)
{
    struct address_key key = key_of(of);
    struct front_address **list = list_of(front, &key), *address = *list;

    while (address != NULL && !same(&address->key, &key))
        address = address->next_hashed;
    if (address == NULL) {
        address = memory_new(sizeof *address);
        address->key = key;
        address->next_hashed = *list;
        *list = address;
        atomic_fetch_add(&front->counters.addresses, 1);
    }
    address->connections++;
    return address;
}

void front_address_leave(struct front *front, struct front_address *address)
{
    struct front_address **at = list_of(front, &address->key);

    if (--address->connections > 0)
        return;
    while (*at != address)
        at = &(*at)->next_hashed;
    *at = address->next_hashed;
    atomic_fetch_sub(&front->counters.addresses, 1);
    free(address);
}

struct connection *front_address_spare(const struct front_address *address,
                                       const struct connection *newcomer)
{
    struct connection *quiet = address->quiet.first;

    return quiet != NULL && quiet != newcomer ? quiet : address->brief.first;
}

struct connection *front_spare(const struct front *front, const struct connection *newcomer)
{
    struct connection *spare = NULL;
    unsigned most = 0;

    for (size_t i = 0; i < FRONT_ADDRESS_LIST; i++) {
        const struct front_address *at = front->addresses.lists[i];

        for (; at != NULL; at = at->next_hashed) {
            struct connection *of =
                at->connections > most ? front_address_spare(at, newcomer) : NULL;

            if (of != NULL) {
                spare = of;
                most = at->connections;
            }
        }
    }
    return spare;
}

void front_address_join_hungry(struct front *front, struct front_address *address, unsigned kind)
{
    struct front_address *last = front->hungry[kind].last;

    address->previous_hungry[kind] = last;
    address->next_hungry[kind] = NULL;
    *(last != NULL ? &last->next_hungry[kind] : &front->hungry[kind].first) = address;
    front->hungry[kind].last = address;
}

void front_address_leave_hungry(struct front *front, struct front_address *address, unsigned kind)
{
    struct front_address *next = address->next_hungry[kind];
    struct front_address *previous = address->previous_hungry[kind];

    *(previous != NULL ? &previous->next_hungry[kind] : &front->hungry[kind].first) = next;
    *(next != NULL ? &next->previous_hungry[kind] : &front->hungry[kind].last) = previous;
}

/* ---- guessing ---- */

static int64_t delay_of(unsigned count)
{
    int64_t delay = count <= GUESSES_FREE ? 0 : DELAY_FIRST << (count - GUESSES_FREE);

    return delay < DELAY_MOST ? delay : DELAY_MOST;
}

static void fade(struct front_guesser *guesser, int64_t now_ns)
{
    int64_t faded = (now_ns - guesser->last_ns) / GUESS_FADES_NS;

    guesser->count = faded >= guesser->count ? 0 : guesser->count - (unsigned)faded;
}

int64_t front_address_guessed(struct front *front, const struct front_address *address,
                              int64_t now_ns)
{
    uint64_t hash =
        hash_bytes(front->addresses.seed, address->key.bytes, sizeof address->key.bytes);
    struct front_guesser *guesser = &front->addresses.guessers[hash % FRONT_GUESSERS];

    if (!same(&guesser->key, &address->key))
        *guesser = (struct front_guesser){.key = address->key, .last_ns = now_ns};
    fade(guesser, now_ns);
    guesser->count += guesser->count < GUESSES_MOST;
    guesser->last_ns = now_ns;
    if (guesser->next_ns < now_ns)
        guesser->next_ns = now_ns;
    guesser->next_ns += delay_of(guesser->count);
    return guesser->next_ns;
}
