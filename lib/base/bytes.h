/*
 * bytes.h - byte spans, a growable buffer, and small codecs: hex, base64, CRC32C, numbers as text.
 *
 * A struct span borrows: whoever made it says how long its bytes live; one that span_copy made owns
 * them. Its bytes may be anything, NUL too, so a text from outside stays one: as a C string it
 * would lose its length. A struct buffer owns its memory; buffer_close frees it. What is appended
 * may lie in the buffer itself; spans into a buffer are void when it grows. Growth that fails for
 * want of memory ends the program (see memory.h): buffers grow only up to bounds that their users
 * keep. Threads: any, one at a time per buffer.
 */
#ifndef HASHSCOPE_BASE_BYTES_H
#define HASHSCOPE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct span {
    const char *data;
    size_t len;
};

static inline struct span span_make(const char *data, size_t len)
{
    return (struct span){data, len};
}
struct span span_text(const char *text); /* of a C string, without its NUL */
struct span span_copy(struct span text); /* with a NUL behind; of {NULL, 0} the same */
void span_free(struct span *copy);       /* frees; leaves {NULL, 0} */
bool span_equal(struct span a, struct span b);
bool span_equal_text(struct span a, const char *text);

struct buffer {
    char *data; /* NULL while nothing was ever put in */
    size_t len;
    size_t capacity;
};

void buffer_close(struct buffer *buffer);                  /* frees; leaves it empty and usable */
void buffer_clear(struct buffer *buffer);                  /* len = 0, memory kept */
char *buffer_reserve(struct buffer *buffer, size_t extra); /* room at data+len; set len yourself */
bool buffer_holds(const struct buffer *buffer, const void *data); /* it lies in its memory */
void buffer_append(struct buffer *buffer, const void *data, size_t len);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_append_u64(struct buffer *buffer, uint64_t value);
void buffer_append_i64(struct buffer *buffer, int64_t value);
void buffer_append_format(struct buffer *buffer, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buffer_append_base64(struct buffer *buffer, const void *data,
                          size_t len);                  /* RFC 4648, padded */
void buffer_consume(struct buffer *buffer, size_t len); /* drops the first len bytes */

/* Writes the decimal digits, no NUL; returns the end. At most 20 characters. */
char *format_u64(char *out, uint64_t value);

/* Hex is lower case on the way out, either case on the way in. `out` has 2*len characters, no NUL.
 * hex_decode is false when len is odd or a character is no hex digit; out has len/2 bytes. */
void hex_encode(char *out, const void *data, size_t len);
bool hex_decode(void *out, const char *text, size_t len);

/* Decodes padded base64; false when malformed. *out_len <= len/4*3, out must have that room. */
bool base64_decode(void *out, size_t *out_len, const char *text, size_t len);

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), continued from `crc` (0 to begin). Uses the
 * processor's instruction where there is one. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* XXH-quality 64-bit hash for tables that hold hostile keys; `seed` from random_u64. */
uint64_t hash_bytes(uint64_t seed, const void *data, size_t len);

/* Little-endian loads and stores for file formats; no alignment needed. Compilers make one load of
 * these. */
static inline uint16_t load_le16(const void *p)
{
    const unsigned char *in = p;
    return (uint16_t)(in[0] | in[1] << 8);
}

static inline uint32_t load_le32(const void *p)
{
    const unsigned char *in = p;
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static inline uint64_t load_le64(const void *p)
{
    const unsigned char *in = p;
    return load_le32(in) | (uint64_t)load_le32(in + 4) << 32;
}

void store_le16(void *p, uint16_t value);
void store_le32(void *p, uint32_t value);
void store_le64(void *p, uint64_t value);

#endif
