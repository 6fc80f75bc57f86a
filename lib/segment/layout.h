/*
 * layout.h - the bytes around the data frames of a segment file: the header and the index
 * entries, both in skippable frames of zstd (RFC 8878, section 3.1.2). FORMAT.md is the
 * specification; this is its code.
 *
 * All numbers are little-endian. Each payload ends with a CRC-32C of the payload before it.
 */
#ifndef HASHSCOPE_SEGMENT_LAYOUT_H
#define HASHSCOPE_SEGMENT_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/random.h"
#include "lib/record/record.h"
#include "lib/segment/index.h"
#include "lib/segment/segment.h"

#define SEGMENT_MAGIC_ZSTD      0xFD2FB528u
#define SEGMENT_MAGIC_HEADER    0x184D2A50u
#define SEGMENT_MAGIC_INDEX     0x184D2A51u
#define SEGMENT_MAGIC_FOOTER    0x184D2A52u
#define SEGMENT_MAGIC_SEEK      0x184D2A5Eu /* Zstandard Seekable Format */
#define SEGMENT_MAGIC_SKIPPABLE 0x184D2A50u /* the first of 16 */

#define SEGMENT_VERSION      1u
#define SEGMENT_MAGIC_TEXT   "HSSEGM\r\n" /* tells the header from any other skippable frame */
#define SEGMENT_HEADER_BYTES 64u          /* with the 8 of the skippable frame's own header */
#define SEGMENT_INDEX_BYTES  112u         /* likewise */

#define SEGMENT_FOOTER_TEXT "HSFOOT\r\n"
#define SEGMENT_FOOTER_HEAD 200u        /* of a footer, with the 8 of its frame; sections follow */
#define SEGMENT_SEEK_MAGIC  0x8F92EAB1u /* the last four bytes of a file with a seek table */
#define SEGMENT_SEEK_ENTRY  8u
#define SEGMENT_SEEK_FOOT   9u

#define SEGMENT_SESSIONS_MAX   (1u << 20)  /* a file with more has no footer */
#define SEGMENT_FRAME_TEXT_MAX (32u << 20) /* of a data frame; no writer comes near */
#define SEGMENT_WINDOW_LOG_MAX 23u         /* 8 MiB: what a reader must be able to hold */
#define SEGMENT_LINE_MAX       (12u << 20) /* an 8 MiB message in base64, and its keys */

void segment_header_encode(unsigned char out[SEGMENT_HEADER_BYTES],
                           const struct segment_head *head);
/* STATUS_DAMAGED: not a header; STATUS_UNSUPPORTED: of a version this build does not know. */
enum status segment_header_decode(struct segment_head *out, const unsigned char *in,
                                  size_t len) MUST_CHECK;

/* The 96 bytes of an entry that say something: bytes 8 to 103 of its frame. */
#define SEGMENT_INDEX_CORE 96u
void segment_index_encode_core(unsigned char out[SEGMENT_INDEX_CORE],
                               const struct segment_index *index);
void segment_index_decode_core(struct segment_index *out,
                               const unsigned char in[SEGMENT_INDEX_CORE]);
void segment_index_encode(unsigned char out[SEGMENT_INDEX_BYTES],
                          const struct segment_index *index);
/* False when it is none, or its CRC does not fit. */
bool segment_index_decode(struct segment_index *out, const unsigned char *in, size_t len);

/* What is counted of a line: into the entry of its frame, and into its session's summary. `event`
 * is 0 on messages. What concerns the session may be left out: then no summary has it. */
struct segment_note {
    int64_t wall_ns;
    uint64_t seq; /* 0: the line has no number of its own */
    enum direction direction;
    enum segment_event event;
    uint8_t method; /* enum stratum_method */
    bool error;
    bool paired;         /* it answers `re`; never on pieces of a long line */
    bool unasked;        /* it is an answer from the pool that pairs with nothing */
    uint32_t bytes;      /* of the message and its end, on the wire */
    struct uuid session; /* all zero: concerns none */
    uint64_t re;
    struct span line; /* its text without the newline */
};
/* As the text of a line has a time: microseconds, cut towards the past. */
int64_t segment_microseconds(int64_t wall_ns);

void segment_index_count(struct segment_index *index, const struct segment_note *note);

/* The note that the writer made of this line, from its text (an entry can be rebuilt so). */
void segment_note_of_line(struct segment_note *out, const struct segment_line *line);

#endif
