/*
 * How it works: push looks for line feeds. A line that lies whole in the read goes straight to
 * emit. The rest of a read is held in `partial`, and when that grows beyond what a line may have,
 * all full fragments leave it. A fragment is cut only when a byte of content behind it is known
 * (a CR at the end may yet turn out to be half of a terminator), so the cuts depend on the line
 * alone and never on the reads.
 *
 * Of a line that was flushed the bytes stay in `partial` until it is complete, so that its last
 * fragment can come with all of it; they go when they are more than STRATUM_KEPT_MAX.
 *
 * How it can fail: not at all. When the shared budget has no room, what was held and what came is
 * emitted at once, in fragments of whatever size they have.
 */
#include "lib/stratum/frame.h"

#include <string.h>

#include "lib/stratum/walk.h"

/* What every step of a push needs. */
struct outlet {
    struct stratum_framer *framer;
    const struct stratum_limits *limits;
    stratum_emit *emit;
    void *context;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- giving out ---- */

static void emit_piece(const struct outlet *outlet, struct stratum_piece piece)
{
    piece.offset = outlet->framer->emitted;
    outlet->framer->emitted += piece.len + piece.terminator;
    outlet->emit(outlet->context, &piece);
}

/* A line up to its LF, which is not in `len`. */
static unsigned char take_terminator(const char *data, size_t *len)
{
    if (*len == 0 || data[*len - 1] != '\r')
        return STRATUM_TERMINATOR_LF;
    --*len;
    return STRATUM_TERMINATOR_CRLF;
}

static void emit_line(const struct outlet *outlet, const char *data, size_t len,
                      unsigned char terminator)
{
    struct stratum_framer *framer = outlet->framer;
    struct stratum_piece piece = {.data = data, .len = len, .terminator = terminator};
    if (framer->unended && len == 0) { /* the end of the line before */
        piece.is_fragment = piece.last_fragment = true;
        piece.fragment = 1;
    }
    framer->unended = false;
    framer->seen_line = true;
    emit_piece(outlet, piece);
}

static void emit_fragment(const struct outlet *outlet, const char *data, size_t len,
                          unsigned char terminator, bool last)
{
    struct stratum_piece piece = {.data = data, .len = len, .terminator = terminator};
    piece.is_fragment = true;
    piece.last_fragment = last;
    piece.fragment = outlet->framer->fragment++;
    emit_piece(outlet, piece);
}

/* What there is of a line that is kept whole until it ends; `whole` comes with the last. */
static void emit_flushed(const struct outlet *outlet, size_t end, unsigned char terminator,
                         bool last)
{
    struct stratum_framer *framer = outlet->framer;
    const char *data = framer->partial.data;
    struct stratum_piece piece = {.data = data + framer->flushed, .terminator = terminator};
    piece.len = end - framer->flushed;
    piece.is_fragment = piece.flushed = true;
    piece.last_fragment = last;
    piece.fragment = framer->fragment++;
    if (last)
        piece.whole = span_make(data, end);
    framer->flushed = (uint32_t)end;
    emit_piece(outlet, piece);
}

/* Full fragments while more than one of them is left; returns how many bytes went out. */
static size_t emit_full_fragments(const struct outlet *outlet, const char *data, size_t len)
{
    const size_t full = outlet->limits->fragment_max;
    size_t sent = 0;
    for (; len - sent > full; sent += full)
        emit_fragment(outlet, data + sent, full, STRATUM_TERMINATOR_NONE, false);
    return sent;
}

static void emit_all_as_fragments(const struct outlet *outlet, const char *data, size_t len)
{
    size_t sent = emit_full_fragments(outlet, data, len);
    if (len > sent)
        emit_fragment(outlet, data + sent, len - sent, STRATUM_TERMINATOR_NONE, false);
}

static void emit_opaque(const struct outlet *outlet, const char *data, size_t len)
{
    while (len > 0) {
        size_t part = smaller(len, outlet->limits->fragment_max);
        emit_piece(outlet, (struct stratum_piece){.data = data, .len = part, .opaque = true});
        data += part;
        len -= part;
    }
}

/* ---- holding back ---- */

static void release(const struct outlet *outlet)
{
    struct buffer *partial = &outlet->framer->partial;
    *outlet->limits->budget_left += partial->len;
    outlet->framer->flushed = 0;
    buffer_close(partial);
}

/* The first bytes of the partial line have gone out, and are not needed any more. */
static void drop(const struct outlet *outlet, size_t len)
{
    struct buffer *partial = &outlet->framer->partial;
    if (len == partial->len) {
        release(outlet);
        return;
    }
    outlet->framer->flushed = 0;
    *outlet->limits->budget_left += len;
    buffer_consume(partial, len);
}

static size_t kept_max(const struct outlet *outlet)
{
    return smaller(STRATUM_KEPT_MAX, outlet->limits->fragment_max);
}

/* The budget has no room: everything goes out now. */
static void spill(const struct outlet *outlet, const char *data, size_t len)
{
    struct stratum_framer *framer = outlet->framer;
    const struct buffer *partial = &framer->partial;
    framer->fragmenting = true;
    if (partial->len > framer->flushed) /* nothing of it may be there yet, not even memory */
        emit_all_as_fragments(outlet, partial->data + framer->flushed,
                              partial->len - framer->flushed);
    release(outlet);
    emit_all_as_fragments(outlet, data, len);
}

static size_t line_limit(const struct outlet *outlet)
{
    return outlet->framer->fragmenting ? outlet->limits->fragment_max : outlet->limits->line_max;
}

/* Emits the full fragments of a partial line that has outgrown its limit. */
static void drain(const struct outlet *outlet)
{
    struct buffer *partial = &outlet->framer->partial;
    size_t content = partial->len;
    (void)take_terminator(partial->data, &content);
    if (content <= line_limit(outlet))
        return;
    outlet->framer->fragmenting = true;
    size_t sent = emit_full_fragments(outlet, partial->data, content);
    if (sent == 0)
        return;
    struct buffer rest = {0}; /* new memory: the old one may be as large as a whole line */
    buffer_append(&rest, partial->data + sent, partial->len - sent);
    buffer_close(partial);
    *partial = rest;
    *outlet->limits->budget_left += sent;
}

/* Adds bytes without LF to the partial line. */
static void hold(const struct outlet *outlet, const char *data, size_t len)
{
    struct buffer *partial = &outlet->framer->partial;
    if (outlet->framer->flushed > 0 && partial->len + len > kept_max(outlet))
        drop(outlet, outlet->framer->flushed);
    while (len > 0) {
        /* One byte above the limit shows that it is crossed, two when the first is a CR. */
        size_t part = smaller(len, line_limit(outlet) + 2 - partial->len);
        if (part > *outlet->limits->budget_left) {
            spill(outlet, data, len);
            return;
        }
        *outlet->limits->budget_left -= part;
        buffer_append(partial, data, part);
        data += part;
        len -= part;
        drain(outlet);
    }
}

/* ---- lines ---- */

/* The partial line is complete: it goes out, with the terminator if there is one. */
static void end_partial(const struct outlet *outlet, bool terminated)
{
    struct stratum_framer *framer = outlet->framer;
    const char *data = framer->partial.data;
    size_t len = framer->partial.len;
    unsigned char terminator = terminated ? take_terminator(data, &len) : STRATUM_TERMINATOR_NONE;
    if (framer->flushed > 0) {
        emit_flushed(outlet, len, terminator, true);
    } else if (framer->fragmenting || len > outlet->limits->line_max) {
        size_t sent = emit_full_fragments(outlet, data, len);
        emit_fragment(outlet, len > sent ? data + sent : "", len - sent, terminator, true);
    } else {
        emit_line(outlet, data, len, terminator);
    }
    release(outlet);
    framer->seen_line = true;
    framer->unended = false;
    framer->fragmenting = false;
    framer->fragment = 0;
}

/* `len` bytes and then an LF. */
static void end_line(const struct outlet *outlet, const char *data, size_t len)
{
    const struct stratum_framer *framer = outlet->framer;
    if (framer->partial.len == 0 && !framer->fragmenting && len <= outlet->limits->line_max) {
        unsigned char terminator = take_terminator(data, &len);
        emit_line(outlet, data, len, terminator);
        return;
    }
    hold(outlet, data, len);
    end_partial(outlet, true);
}

/* ---- flushing ---- */

/* Where the JSON object ends with which the text begins, spaces behind it included; 0: nowhere. */
static size_t object_end(const char *data, size_t len)
{
    struct stratum_walk walk = {.begin = (const uint8_t *)data, .end = (const uint8_t *)data + len};
    const uint8_t *at = stratum_walk_space(&walk, walk.begin);
    if (at == walk.end || *at != '{')
        return 0;
    at = stratum_walk_value(&walk, at);
    return at == NULL ? 0 : (size_t)(stratum_walk_space(&walk, at) - walk.begin);
}

/* Whole objects at the beginning of the partial line; of one that was flushed only all of it. */
static void flush_objects(const struct outlet *outlet)
{
    struct stratum_framer *framer = outlet->framer;
    struct buffer *partial = &framer->partial;
    bool known = !framer->fragmenting || framer->flushed > 0;
    while (known && stratum_framer_waits(framer) && partial->len <= kept_max(outlet)) {
        size_t end = object_end(partial->data, partial->len);
        if (end == 0 || (framer->flushed > 0 && end != partial->len))
            return;
        if (framer->flushed > 0) {
            end_partial(outlet, false);
        } else {
            emit_line(outlet, partial->data, end, STRATUM_TERMINATOR_NONE);
            drop(outlet, end);
        }
        framer->unended = true;
    }
}

/* A CR at the end may belong to an LF to come. */
static void flush_rest(const struct outlet *outlet)
{
    struct stratum_framer *framer = outlet->framer;
    const struct buffer *partial = &framer->partial;
    size_t end = partial->len;
    if (end > 0 && partial->data[end - 1] == '\r')
        end--;
    if (end <= framer->flushed)
        return;
    bool kept = (!framer->fragmenting || framer->flushed > 0) && end <= kept_max(outlet);
    framer->fragmenting = true;
    if (kept) {
        emit_flushed(outlet, end, STRATUM_TERMINATOR_NONE, false);
        return;
    }
    emit_all_as_fragments(outlet, partial->data + framer->flushed, end - framer->flushed);
    drop(outlet, end);
}

/* ---- opaque streams ---- */

static bool no_text_has(unsigned char byte)
{
    return byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n';
}

/* Nothing else begins like that, whatever bytes the names in it have. */
static bool begins_as_json(const struct stratum_framer *framer, const char *data, size_t len)
{
    const struct buffer *partial = &framer->partial;
    if (partial->len > 0)
        return partial->data[0] == '{';
    return framer->offset == 0 && len > 0 && data[0] == '{';
}

/* Checks what a push adds to the first line. False: the stream is opaque. */
static bool first_line_is_text(struct stratum_framer *framer, const struct stratum_limits *limits,
                               const char *data, size_t len)
{
    if (framer->offset >= limits->line_max || begins_as_json(framer, data, len))
        return true;
    len = smaller(len, limits->line_max - (size_t)framer->offset);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (no_text_has(byte) || !stratum_utf8_feed(&framer->utf8, byte))
            return false;
        if (byte == '\n')
            break;
    }
    return true;
}

static bool turns_opaque(struct stratum_framer *framer, const struct stratum_limits *limits,
                         const char *data, size_t len)
{
    bool open = !framer->seen_line && !framer->fragmenting;
    return open && !first_line_is_text(framer, limits, data, len);
}

/* ---- the streams' events ---- */

static void push_text(const struct outlet *outlet, const char *data, size_t len)
{
    while (len > 0) {
        const char *feed = memchr(data, '\n', len);
        if (feed == NULL) {
            hold(outlet, data, len);
            return;
        }
        size_t line = (size_t)(feed - data);
        end_line(outlet, data, line);
        data = feed + 1;
        len -= line + 1;
    }
}

void stratum_framer_push(struct stratum_framer *framer, const struct stratum_limits *limits,
                         const char *data, size_t len, stratum_emit *emit, void *context)
{
    const struct outlet outlet = {framer, limits, emit, context};
    framer->opaque = framer->opaque || turns_opaque(framer, limits, data, len);
    framer->offset += len;
    if (!framer->opaque) {
        push_text(&outlet, data, len);
        return;
    }
    emit_opaque(&outlet, framer->partial.data, framer->partial.len);
    release(&outlet);
    emit_opaque(&outlet, data, len);
}

void stratum_framer_finish(struct stratum_framer *framer, const struct stratum_limits *limits,
                           stratum_emit *emit, void *context)
{
    const struct outlet outlet = {framer, limits, emit, context};
    flush_objects(&outlet);
    if (framer->partial.len > 0 || framer->fragmenting)
        end_partial(&outlet, false);
    framer->unended = false;
}

void stratum_framer_flush_objects(struct stratum_framer *framer,
                                  const struct stratum_limits *limits, stratum_emit *emit,
                                  void *context)
{
    const struct outlet outlet = {framer, limits, emit, context};
    flush_objects(&outlet);
}

void stratum_framer_flush(struct stratum_framer *framer, const struct stratum_limits *limits,
                          stratum_emit *emit, void *context)
{
    const struct outlet outlet = {framer, limits, emit, context};
    flush_objects(&outlet);
    flush_rest(&outlet);
}

void stratum_framer_close(struct stratum_framer *framer, const struct stratum_limits *limits)
{
    *limits->budget_left += framer->partial.len;
    buffer_close(&framer->partial);
    *framer = (struct stratum_framer){0};
}

bool stratum_framer_mid_line(const struct stratum_framer *framer)
{
    return framer->partial.len > 0 || framer->fragmenting || framer->unended;
}
