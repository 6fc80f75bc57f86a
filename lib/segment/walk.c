/*
 * walk.c - from piece to piece through a file that may be anything.
 *
 * At each place stands a frame that is whole (a piece), one that is not (damage, or torn when
 * nothing behind it proves itself), or no frame at all (damage). Damage reaches up to the next
 * proof: the search tries every place where a magic number stands. What trying costs is drawn from
 * a budget that grows with the file, so that a file made of beginnings of frames costs no more than
 * others; when the budget is spent only index entries and footers are proofs. Text is bounded
 * likewise.
 */
#include "lib/segment/walk.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "lib/base/memory.h"
#include "lib/segment/bytes.h"

#define FRAME_HEAD   8u
#define TEXT_FIRST   (2u << 20)
#define TEXT_RATIO   512u                  /* of a whole file; lines have 5 to 15 */
#define TEXT_SPARE   (UINT64_C(1) << 30)   /* for small files of one long line */
#define SEARCH_RATIO 8u                    /* bytes tried, for each byte of the file */
#define SEARCH_SPARE (UINT64_C(256) << 20) /* and for small files */
#define BLOCK_COST   64u                   /* of looking at a block, in bytes */

struct segment_walk {
    struct segment_bytes bytes;
    bool texts;
    uint64_t at;
    uint64_t text_left, search_left;
    ZSTD_DCtx *decompressor;
    struct buffer text;
};

static bool is_skippable(uint32_t magic)
{
    return (magic & 0xfffffff0u) == SEGMENT_MAGIC_SKIPPABLE;
}

/* ------------------------------------------------------------------ text of a frame */

/* Decompresses a frame that is whole. *why is NULL when it did. */
static void decompress(struct segment_walk *walk, const unsigned char *frame, size_t len,
                       const char **why)
{
    size_t room = walk->text.capacity > TEXT_FIRST ? walk->text.capacity : TEXT_FIRST;
    size_t got = 0;
    buffer_clear(&walk->text);
    for (;; room *= 2) {
        room = room > SEGMENT_FRAME_TEXT_MAX ? SEGMENT_FRAME_TEXT_MAX : room;
        got = ZSTD_decompressDCtx(walk->decompressor, buffer_reserve(&walk->text, room), room,
                                  frame, len);
        bool small = ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_dstSize_tooSmall;
        if (!small || room == SEGMENT_FRAME_TEXT_MAX)
            break;
    }
    uint64_t cost = ZSTD_isError(got) ? room : got;
    walk->text_left -= cost < walk->text_left ? cost : walk->text_left;
    *why = NULL;
    if (ZSTD_isError(got))
        *why = ZSTD_getErrorName(got);
    else if (got == 0 || walk->text.data[got - 1] != '\n')
        *why = "it ends in mid-line";
    else
        walk->text.len = got;
}

static enum status load_text(struct segment_walk *walk, uint64_t offset, uint64_t len,
                             const char **why, struct error *err)
{
    const unsigned char *frame;
    *why = "it holds far more text than lines ever do";
    if (walk->text_left == 0)
        return STATUS_OK;
    enum status status = segment_bytes_get(&walk->bytes, offset, (size_t)len, &frame, err);
    if (status == STATUS_OK)
        decompress(walk, frame, (size_t)len, why);
    return status;
}

/* The whole lines of a frame that the end of the file cuts off. */
static enum status load_torn(struct segment_walk *walk, struct segment_piece *out,
                             struct error *err)
{
    const unsigned char *frame;
    uint64_t len = out->bytes < SEGMENT_FRAME_TEXT_MAX ? out->bytes : SEGMENT_FRAME_TEXT_MAX;
    enum status status = segment_bytes_get(&walk->bytes, out->offset, (size_t)len, &frame, err);
    if (status != STATUS_OK)
        return status;
    ZSTD_inBuffer in = {frame, (size_t)len, 0};
    (void)ZSTD_DCtx_reset(walk->decompressor, ZSTD_reset_session_only);
    buffer_clear(&walk->text);
    for (size_t left = 1, made = 1; left != 0 && made != 0;) {
        size_t room = TEXT_FIRST;
        ZSTD_outBuffer to = {buffer_reserve(&walk->text, room), room, 0};
        left = ZSTD_decompressStream(walk->decompressor, &to, &in);
        made = to.pos;
        walk->text.len += to.pos;
        if (ZSTD_isError(left) || walk->text.len > SEGMENT_FRAME_TEXT_MAX)
            break;
    }
    (void)ZSTD_DCtx_reset(walk->decompressor, ZSTD_reset_session_only);
    const char *end = walk->text.len ? memrchr(walk->text.data, '\n', walk->text.len) : NULL;
    out->text = span_make(walk->text.data, end ? (size_t)(end - walk->text.data) + 1 : 0);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ proofs */

static bool spend(struct segment_walk *walk, uint64_t cost)
{
    bool enough = walk->search_left >= cost;
    walk->search_left -= enough ? cost : walk->search_left;
    return enough;
}

static enum status prove_data(struct segment_walk *walk, uint64_t at, bool *proven,
                              struct error *err)
{
    struct segment_frame_shape shape;
    const char *why;
    if (!spend(walk, BLOCK_COST))
        return STATUS_OK;
    enum status status = segment_bytes_frame(&walk->bytes, at, &shape, err);
    if (status != STATUS_OK || shape.shape != SEGMENT_SHAPE_WHOLE ||
        !spend(walk, shape.blocks * (uint64_t)BLOCK_COST + shape.bytes))
        return status;
    uint64_t before = walk->text_left;
    status = load_text(walk, at, shape.bytes, &why, err);
    (void)spend(walk, before - walk->text_left);
    *proven = status == STATUS_OK && !why &&
              (walk->text.len >= 7 && memcmp(walk->text.data, "{\"ts\":\"", 7) == 0);
    return status;
}

static bool footer_fits(const unsigned char *frame)
{
    return memcmp(frame + 8, SEGMENT_FOOTER_TEXT, 8) == 0 &&
           load_le32(frame + SEGMENT_FOOTER_HEAD - 4) ==
               crc32c(0, frame + 8, SEGMENT_FOOTER_HEAD - 12);
}

/* Whether what begins here is surely a piece. */
static enum status prove(struct segment_walk *walk, uint64_t at, bool *proven, struct error *err)
{
    const unsigned char *frame;
    uint64_t left = walk->bytes.size - at;
    size_t some = left < SEGMENT_FOOTER_HEAD ? (size_t)left : SEGMENT_FOOTER_HEAD;
    struct segment_index index;
    *proven = false;
    enum status status = segment_bytes_get(&walk->bytes, at, some, &frame, err);
    if (status != STATUS_OK || some < FRAME_HEAD)
        return status;
    uint32_t magic = load_le32(frame);
    uint64_t size = FRAME_HEAD + (uint64_t)load_le32(frame + 4);
    if (magic == SEGMENT_MAGIC_ZSTD)
        return prove_data(walk, at, proven, err);
    if (magic == SEGMENT_MAGIC_INDEX)
        *proven = segment_index_decode(&index, frame, some);
    else if (magic == SEGMENT_MAGIC_FOOTER)
        *proven = some == SEGMENT_FOOTER_HEAD && size <= left && footer_fits(frame);
    else if (magic == SEGMENT_MAGIC_SEEK && size == left &&
             size >= FRAME_HEAD + SEGMENT_SEEK_FOOT) {
        status = segment_bytes_get(&walk->bytes, walk->bytes.size - 4, 4, &frame, err);
        *proven = status == STATUS_OK && load_le32(frame) == SEGMENT_SEEK_MAGIC;
    }
    return status;
}

/* The first place from `from` on that proves itself; the file's end when none does. */
static enum status search(struct segment_walk *walk, uint64_t from, uint64_t *found,
                          struct error *err)
{
    const unsigned char *data;
    uint64_t size = walk->bytes.size;
    for (uint64_t at = from; at + FRAME_HEAD <= size;) {
        size_t len = size - at < (64u << 10) ? (size_t)(size - at) : 64u << 10, i = 0;
        bool proven = false;
        enum status status = segment_bytes_get(&walk->bytes, at, len, &data, err);
        if (status != STATUS_OK)
            return status;
        while (i + 4 <= len && load_le32(data + i) != SEGMENT_MAGIC_ZSTD &&
               !is_skippable(load_le32(data + i)))
            i++;
        at += i;
        if (i + 4 > len)
            continue; /* the last three bytes again, or the end */
        status = prove(walk, at, &proven, err);
        if (status != STATUS_OK || proven) {
            *found = at;
            return status;
        }
        at++;
    }
    *found = size;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ pieces */

static enum status piece(struct segment_piece *out, enum segment_piece_kind kind, uint64_t bytes)
{
    out->kind = kind;
    out->bytes = bytes;
    return STATUS_OK;
}

static enum status look_for_tag(struct segment_walk *walk, struct segment_piece *out,
                                struct error *err)
{
    const unsigned char *frame;
    if (walk->bytes.size - out->offset < 16)
        return STATUS_OK;
    enum status status = segment_bytes_get(&walk->bytes, out->offset, 16, &frame, err);
    out->footer = status == STATUS_OK && memcmp(frame + 8, SEGMENT_FOOTER_TEXT, 8) == 0;
    return status;
}

/* What begins here is no whole piece: damage up to the next proof. When `cut`, and there is none,
 * the file merely ends too early. */
static enum status broken(struct segment_walk *walk, struct segment_piece *out, bool cut,
                          const char *why, struct error *err)
{
    uint64_t next;
    enum status status = search(walk, out->offset + 1, &next, err);
    if (status == STATUS_OK)
        status = look_for_tag(walk, out, err);
    if (status != STATUS_OK)
        return status;
    bool torn = cut && next == walk->bytes.size;
    out->why = torn ? "the file ends inside it" : why;
    (void)piece(out, torn ? SEGMENT_PIECE_TORN : SEGMENT_PIECE_DAMAGE, next - out->offset);
    return torn && out->data ? load_torn(walk, out, err) : STATUS_OK;
}

/* Whether a frame can begin here, or the file ends. */
static enum status is_border(struct segment_walk *walk, uint64_t at, bool *yes, struct error *err)
{
    const unsigned char *data;
    *yes = walk->bytes.size - at < 4; /* too little to say that none begins */
    if (*yes)
        return STATUS_OK;
    enum status status = segment_bytes_get(&walk->bytes, at, 4, &data, err);
    *yes = status == STATUS_OK &&
           (is_skippable(load_le32(data)) || load_le32(data) == SEGMENT_MAGIC_ZSTD);
    return status;
}

static enum status take_data(struct segment_walk *walk, struct segment_piece *out,
                             struct error *err)
{
    struct segment_frame_shape shape;
    bool border = true;
    out->data = true;
    enum status status = segment_bytes_frame(&walk->bytes, out->offset, &shape, err);
    if (status != STATUS_OK)
        return status;
    if (shape.shape != SEGMENT_SHAPE_WHOLE)
        return broken(walk, out, shape.shape == SEGMENT_SHAPE_CUT,
                      shape.why ? shape.why : "its blocks do not join what follows", err);
    if (walk->texts)
        status = load_text(walk, out->offset, shape.bytes, &out->why, err);
    if (status == STATUS_OK && (!walk->texts || out->why))
        status = is_border(walk, out->offset + shape.bytes, &border, err);
    if (status == STATUS_OK && !border && !walk->texts) { /* its own checksum can still vouch */
        status = load_text(walk, out->offset, shape.bytes, &out->why, err);
        border = out->why == NULL;
    }
    if (status != STATUS_OK)
        return status;
    if (!border)
        return broken(walk, out, false, "its blocks do not join what follows", err);
    if (out->why)
        return piece(out, SEGMENT_PIECE_DAMAGE, shape.bytes);
    if (walk->texts)
        out->text = span_make(walk->text.data, walk->text.len);
    return piece(out, SEGMENT_PIECE_DATA, shape.bytes);
}

static enum status take_index(struct segment_walk *walk, struct segment_piece *out,
                              const unsigned char *frame, struct error *err)
{
    bool border;
    if (segment_index_decode(&out->index, frame, SEGMENT_INDEX_BYTES))
        return piece(out, SEGMENT_PIECE_INDEX, SEGMENT_INDEX_BYTES);
    out->why = "its checksum does not fit";
    bool sized = load_le32(frame + 4) == SEGMENT_INDEX_BYTES - FRAME_HEAD;
    enum status status = is_border(walk, out->offset + SEGMENT_INDEX_BYTES, &border, err);
    out->entry = sized && status == STATUS_OK && border;
    if (status == STATUS_OK && border)
        return piece(out, SEGMENT_PIECE_DAMAGE, SEGMENT_INDEX_BYTES);
    return status == STATUS_OK ? broken(walk, out, false, out->why, err) : status;
}

static enum status take_skippable(struct segment_walk *walk, struct segment_piece *out,
                                  const unsigned char *frame, struct error *err)
{
    uint32_t magic = load_le32(frame);
    uint64_t size = FRAME_HEAD + (uint64_t)load_le32(frame + 4);
    uint64_t left = walk->bytes.size - out->offset;
    if (magic == SEGMENT_MAGIC_INDEX && left >= SEGMENT_INDEX_BYTES) {
        enum status status =
            segment_bytes_get(&walk->bytes, out->offset, SEGMENT_INDEX_BYTES, &frame, err);
        return status == STATUS_OK ? take_index(walk, out, frame, err) : status;
    }
    if (size > left)
        return broken(walk, out, true, "its size points behind the end of the file", err);
    if (magic == SEGMENT_MAGIC_FOOTER)
        return piece(out, SEGMENT_PIECE_FOOTER, size);
    return piece(out, magic == SEGMENT_MAGIC_SEEK ? SEGMENT_PIECE_SEEK : SEGMENT_PIECE_OTHER, size);
}

/* A header of this version whose version number was damaged: the checksum knows. */
static bool is_only_its_version(const unsigned char *frame)
{
    unsigned char copy[SEGMENT_HEADER_BYTES];
    struct segment_head head;
    memcpy(copy, frame, sizeof copy);
    store_le32(copy + 16, SEGMENT_VERSION);
    return segment_header_decode(&head, copy, sizeof copy) == STATUS_OK;
}

static enum status take_header(struct segment_walk *walk, struct segment_piece *out,
                               struct error *err)
{
    const unsigned char *frame;
    bool cut = walk->bytes.size < SEGMENT_HEADER_BYTES;
    size_t some = cut ? (size_t)walk->bytes.size : SEGMENT_HEADER_BYTES;
    enum status status = segment_bytes_get(&walk->bytes, 0, some, &frame, err);
    if (status != STATUS_OK)
        return status;
    status = segment_header_decode(&out->head, frame, some);
    if (status == STATUS_UNSUPPORTED && !is_only_its_version(frame))
        return error_set(err, status, "%s is a segment of version %u; this program knows %u",
                         walk->bytes.path, out->head.version, SEGMENT_VERSION);
    if (status == STATUS_OK)
        return piece(out, SEGMENT_PIECE_HEADER, SEGMENT_HEADER_BYTES);
    return broken(walk, out, cut, "it is no header", err);
}

enum status segment_walk_next(struct segment_walk *walk, struct segment_piece *out,
                              struct error *err)
{
    const unsigned char *frame;
    uint64_t left = walk->bytes.size - walk->at;
    enum status status;
    *out = (struct segment_piece){.offset = walk->at};
    if (left == 0)
        return STATUS_END;
    if (walk->at == 0) {
        status = take_header(walk, out, err);
    } else if (left < FRAME_HEAD) {
        out->why = "the file ends inside a frame's head";
        status = piece(out, SEGMENT_PIECE_TORN, left);
    } else if ((status = segment_bytes_get(&walk->bytes, walk->at, FRAME_HEAD, &frame, err)) ==
               STATUS_OK) {
        uint32_t magic = load_le32(frame);
        if (magic == SEGMENT_MAGIC_ZSTD)
            status = take_data(walk, out, err);
        else if (is_skippable(magic))
            status = take_skippable(walk, out, frame, err);
        else
            status = broken(walk, out, false, "it is no frame", err);
    }
    walk->at += out->bytes;
    return status;
}

enum status segment_walk_text(struct segment_walk *walk, struct segment_piece *piece,
                              struct error *err)
{
    enum status status = load_text(walk, piece->offset, piece->bytes, &piece->why, err);
    if (status != STATUS_OK || !piece->why) {
        piece->text = span_make(walk->text.data, walk->text.len);
        return status;
    }
    return error_set(err, STATUS_DAMAGED, "%s: frame at byte %llu: %s", walk->bytes.path,
                     (unsigned long long)piece->offset, piece->why);
}

/* ------------------------------------------------------------------ opening */

enum status segment_walk_open(struct segment_walk **out, const char *path, bool texts,
                              struct error *err)
{
    struct segment_walk *walk = memory_new(sizeof *walk);
    enum status status = segment_bytes_open(&walk->bytes, path, err);
    if (status != STATUS_OK) {
        free(walk);
        return status;
    }
    walk->texts = texts;
    walk->text_left = walk->bytes.size * TEXT_RATIO + TEXT_SPARE;
    walk->search_left = walk->bytes.size * SEARCH_RATIO + SEARCH_SPARE;
    walk->decompressor = segment_decompressor_new();
    if (!walk->decompressor) {
        segment_walk_close(walk);
        return error_set(err, STATUS_FULL, "no memory for decompressing");
    }
    *out = walk;
    return STATUS_OK;
}

uint64_t segment_walk_size(const struct segment_walk *walk)
{
    return walk->bytes.size;
}

void segment_walk_close(struct segment_walk *walk)
{
    if (!walk)
        return;
    segment_bytes_close(&walk->bytes);
    ZSTD_freeDCtx(walk->decompressor);
    buffer_close(&walk->text);
    free(walk);
}
