/*
 * checksum.c - CRC-32C and the hash for tables.
 *
 * CRC-32C uses the processor's instruction on x86-64 (SSE 4.2, asked for at run time) and on ARM
 * where the compiler was told that it is there; elsewhere a table of 16 entries, four bits a step.
 * The instruction and the table compute the same remainder of the reflected polynomial 0x82F63B78.
 *
 * hash_bytes is SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with
 * the key (seed, seed rotated by half): who does not know the seed can't choose keys that collide.
 */
#include "lib/base/bytes.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#if !defined(__ARM_FEATURE_CRC32)
static uint32_t crc32c_table(uint32_t crc, const unsigned char *in, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };

    for (; len > 0; len--) {
        crc ^= *in++;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}
#endif

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_hardware(uint32_t crc, const unsigned char *in, size_t len)
{
    uint64_t wide = crc;

    for (; len >= 8; len -= 8, in += 8)
        wide = _mm_crc32_u64(wide, load_le64(in));
    crc = (uint32_t)wide;
    for (; len > 0; len--)
        crc = _mm_crc32_u8(crc, *in++);
    return crc;
}
#elif defined(__ARM_FEATURE_CRC32)
static uint32_t crc32c_hardware(uint32_t crc, const unsigned char *in, size_t len)
{
    for (; len >= 8; len -= 8, in += 8)
        crc = __crc32cd(crc, load_le64(in));
    for (; len > 0; len--)
        crc = __crc32cb(crc, *in++);
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_hardware(~crc, data, len);
    return ~crc32c_table(~crc, data, len);
#elif defined(__ARM_FEATURE_CRC32)
    return ~crc32c_hardware(~crc, data, len);
#else
    return ~crc32c_table(~crc, data, len);
#endif
}

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_block(struct sip_state *s, uint64_t block)
{
    s->v3 ^= block;
    sip_round(s);
    s->v0 ^= block;
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
    const unsigned char *in = data;
    uint64_t key = rotate_left(seed, 32);
    struct sip_state s = {
        .v0 = seed ^ UINT64_C(0x736f6d6570736575),
        .v1 = key ^ UINT64_C(0x646f72616e646f6d),
        .v2 = seed ^ UINT64_C(0x6c7967656e657261),
        .v3 = key ^ UINT64_C(0x7465646279746573),
    };
    unsigned char last[8] = {0};
    size_t rest = len % 8;

    for (size_t i = 0; i < len / 8; i++)
        sip_block(&s, load_le64(in + 8 * i));
    if (rest > 0)
        memcpy(last, in + len - rest, rest);
    last[7] = (unsigned char)len;
    sip_block(&s, load_le64(last));
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
