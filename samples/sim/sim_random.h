/*
 * sim_random.h - the simulator's own small random number generator: the same seed gives the same
 * blocks, extranonces and faults on every machine. Never for secrets.
 *
 * SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
 * A struct is a plain value. Threads: one at a time each.
 */
#ifndef HASHSCOPE_SIM_RANDOM_H
#define HASHSCOPE_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

static inline uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A generator of its own, derived from a seed and a name (a miner's number, a purpose). */
static inline struct sim_random sim_random_derive(uint64_t seed, uint64_t name)
{
    struct sim_random random = {seed ^ (name * UINT64_C(0xd1342543de82ef95))};

    random.state = sim_random_next(&random);
    return random;
}

/* 0 … limit-1; limit is small, so the slight bias of the remainder does not matter here. */
static inline uint64_t sim_random_below(struct sim_random *random, uint64_t limit)
{
    return limit == 0 ? 0 : sim_random_next(random) % limit;
}

/* True in `percent` of 100 calls. */
static inline bool sim_random_percent(struct sim_random *random, double percent)
{
    return (double)(sim_random_next(random) >> 11) * 0x1p-53 * 100.0 < percent;
}

static inline void sim_random_fill(struct sim_random *random, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(sim_random_next(random) >> 56);
}

#endif
