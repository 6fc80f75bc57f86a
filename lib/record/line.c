/*
 * line.c - lines of the archive, key by key in their fixed order.
 *
 * Messages are the hot path: one reservation, then plain copies behind each other. All else is rare
 * and goes through line_add_*. The order ts, seq, latency_us, re, session, dir, msg is chosen for
 * the compressor: what changes from line to line stands together, and the rest of a line, from the
 * session to the middle of the message, repeats an earlier line of its session in one piece.
 */
#include "lib/record/line.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/stratum/scan.h"

/* More than all keys and numbers of a message line take, without the message. */
#define MESSAGE_KEYS_MAX 512

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

#define FORWARD_SHOWN_NS 1000000u /* fwd_us appears only above */

static inline char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

/* ------------------------------------------------------------------ messages */

static char *put_direction(char *to, enum direction direction)
{
    switch (direction) {
    case DIRECTION_MINER_TO_POOL:
        return PUT(to, "\",\"dir\":\"miner_to_pool\"");
    case DIRECTION_POOL_TO_MINER:
        return PUT(to, "\",\"dir\":\"pool_to_miner\"");
    case DIRECTION_HASHSCOPE_TO_POOL:
        return PUT(to, "\",\"dir\":\"hashscope_to_pool\"");
    case DIRECTION_POOL_TO_HASHSCOPE:
        return PUT(to, "\",\"dir\":\"pool_to_hashscope\"");
    }
    return PUT(to, "\"");
}

static char *put_pairing(char *to, const struct record *record)
{
    int64_t latency = record->latency_ns > 0 ? record->latency_ns / NS_PER_US : 0;
    to = PUT(to, ",\"latency_us\":");
    to = format_u64(to, (uint64_t)latency);
    to = PUT(to, ",\"re\":");
    return format_u64(to, record->re);
}

static char *put_fragment(char *to, const struct record *record)
{
    to = PUT(to, ",\"frag\":");
    to = format_u64(to, record->fragment);
    if (record->flags & RECORD_LAST_FRAGMENT)
        to = PUT(to, ",\"last\":true");
    if (record->flags & RECORD_EARLY)
        to = PUT(to, ",\"early\":true");
    if (record->method > STRATUM_METHOD_UNKNOWN) {
        const char *name = stratum_method_name((enum stratum_method)record->method);
        to = PUT(to, ",\"method\":\"");
        to = put(to, name, strlen(name));
        to = PUT(to, "\"");
    }
    return to;
}

/* A line that does not end as most do; the pieces of a long line but the last have no end. */
static char *put_end(char *to, const struct record *record)
{
    bool piece = (record->flags & RECORD_FRAGMENT) && !(record->flags & RECORD_LAST_FRAGMENT);
    if (record->terminator == TERMINATOR_CRLF)
        return PUT(to, ",\"end\":\"\\r\\n\"");
    if (record->terminator == TERMINATOR_NONE && !piece)
        return PUT(to, ",\"end\":\"\"");
    return to;
}

/* What stands in front of the message in every kind of message line. */
static char *put_front(char *to, struct clock_formatter *clock, const struct record *record)
{
    to = PUT(to, "{\"ts\":\"");
    clock_formatter_write(clock, to, record->wall_ns);
    to = PUT(to + CLOCK_TEXT_LEN, "\",\"seq\":");
    to = format_u64(to, record->seq);
    if (record->flags & RECORD_PAIRED)
        to = put_pairing(to, record);
    to = PUT(to, ",\"session\":\"");
    uuid_format(to, &record->session);
    to = put_direction(to + UUID_TEXT_LEN, record->direction);
    if ((record->flags & RECORD_FORWARD_KNOWN) && record->forward_ns > FORWARD_SHOWN_NS) {
        to = PUT(to, ",\"fwd_us\":");
        to = format_u64(to, record->forward_ns / (uint32_t)NS_PER_US);
    }
    if (record->flags & RECORD_FRAGMENT)
        to = put_fragment(to, record);
    if (record->before) {
        to = PUT(to, ",\"before\":");
        to = format_u64(to, record->before);
    }
    return record->terminator == TERMINATOR_LF ? to : put_end(to, record);
}

static void add_why(struct buffer *out, const struct record *record)
{
    enum stratum_fault fault = (enum stratum_fault)record->fault;
    bool placed = fault != STRATUM_FAULT_EMPTY && fault != STRATUM_FAULT_OPAQUE;
    buffer_append_text(out, ",\"why\":\"");
    buffer_append_text(out, stratum_fault_text(fault));
    if (placed) {
        buffer_append_text(out, " at byte ");
        buffer_append_u64(out, record->fault_at);
    }
    buffer_append_char(out, '"');
}

static void append_bytes(struct buffer *out, const struct record *record)
{
    buffer_append_text(out, ",\"bytes_b64\":\"");
    buffer_append_base64(out, record->payload.data, record->payload.len);
    buffer_append_char(out, '"');
    if (record->fault && !(record->flags & RECORD_FRAGMENT))
        add_why(out, record);
    line_end(out);
}

static void append_message(struct buffer *out, struct clock_formatter *clock,
                           const struct record *record)
{
    char *begin = buffer_reserve(out, MESSAGE_KEYS_MAX + record->payload.len);
    char *to = put_front(begin, clock, record);
    if (record->fault == 0 && !(record->flags & (RECORD_FRAGMENT | RECORD_OPAQUE))) {
        to = PUT(to, ",\"msg\":");
        to = put(to, record->payload.data, record->payload.len);
        to = PUT(to, "}\n");
        out->len += (size_t)(to - begin);
        return;
    }
    out->len += (size_t)(to - begin);
    append_bytes(out, record);
}

/* ------------------------------------------------------------------ pieces of the other lines */

static void add_key(struct buffer *out, const char *key)
{
    buffer_append_text(out, ",\"");
    buffer_append_text(out, key);
    buffer_append_text(out, "\":");
}

void line_begin(struct buffer *out, struct clock_formatter *clock, int64_t wall_ns, const char *key,
                uint64_t number)
{
    buffer_append_text(out, "{\"ts\":\"");
    clock_formatter_write(clock, buffer_reserve(out, CLOCK_TEXT_LEN), wall_ns);
    out->len += CLOCK_TEXT_LEN;
    buffer_append_char(out, '"');
    line_add_u64(out, key, number);
}

void line_add_u64(struct buffer *out, const char *key, uint64_t value)
{
    add_key(out, key);
    buffer_append_u64(out, value);
}

void line_add_i64(struct buffer *out, const char *key, int64_t value)
{
    add_key(out, key);
    buffer_append_i64(out, value);
}

void line_add_text(struct buffer *out, const char *key, const char *text)
{
    add_key(out, key);
    json_append_text(out, text);
}

void line_add_bool(struct buffer *out, const char *key, bool value)
{
    add_key(out, key);
    buffer_append_text(out, value ? "true" : "false");
}

void line_add_raw(struct buffer *out, const char *key, struct span json)
{
    add_key(out, key);
    buffer_append(out, json.data, json.len);
}

void line_add_session(struct buffer *out, const struct uuid *session)
{
    add_key(out, "session");
    buffer_append_char(out, '"');
    uuid_format(buffer_reserve(out, UUID_TEXT_LEN), session);
    out->len += UUID_TEXT_LEN;
    buffer_append_char(out, '"');
}

void line_add_time(struct buffer *out, const char *key, int64_t wall_ns)
{
    add_key(out, key);
    buffer_append_char(out, '"');
    clock_format(buffer_reserve(out, CLOCK_TEXT_LEN), wall_ns);
    out->len += CLOCK_TEXT_LEN;
    buffer_append_char(out, '"');
}

void line_end(struct buffer *out)
{
    buffer_append_text(out, "}\n");
}

/* ------------------------------------------------------------------ events */

bool line_session_info(const struct record *record, struct session_info *out)
{
    if (record->payload.len != sizeof *out)
        return false;
    memcpy(out, record->payload.data, sizeof *out);
    char *const ends[] = {
        &out->route[sizeof out->route - 1],   &out->miner[sizeof out->miner - 1],
        &out->listen[sizeof out->listen - 1], &out->via[sizeof out->via - 1],
        &out->pool[sizeof out->pool - 1],     &out->address[sizeof out->address - 1],
        &out->local[sizeof out->local - 1],   &out->closed_by[sizeof out->closed_by - 1],
        &out->reason[sizeof out->reason - 1],
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        *ends[i] = '\0';
    return true;
}

static void add_opened(struct buffer *out, const struct session_info *info)
{
    line_add_text(out, "route", info->route);
    line_add_u64(out, "number", info->number);
    line_add_text(out, "miner", info->miner);
    line_add_text(out, "listen", info->listen);
    line_add_bool(out, "tls", info->miner_tls);
    if (info->via[0])
        line_add_text(out, "via", info->via);
}

static void add_pool_connected(struct buffer *out, const struct session_info *info)
{
    line_add_text(out, "pool", info->pool);
    line_add_text(out, "address", info->address);
    line_add_text(out, "local", info->local);
    line_add_bool(out, "tls", info->pool_tls);
}

static void add_closed(struct buffer *out, const struct session_info *info)
{
    line_add_text(out, "by", info->closed_by);
    line_add_text(out, "reason", info->reason);
    line_add_u64(out, "bytes_up", info->bytes_up);
    line_add_u64(out, "bytes_down", info->bytes_down);
}

/* Of a session of which it is not known when it was opened (of an import, say) nothing. */
static void add_lasted(struct buffer *out, const struct session_info *info, int64_t mono_ns)
{
    if (info->opened_mono_ns && mono_ns >= info->opened_mono_ns)
        line_add_i64(out, "lasted_us", clock_between(info->opened_mono_ns, mono_ns) / NS_PER_US);
}

static void append_session_event(struct buffer *out, struct clock_formatter *clock,
                                 const struct record *record, const char *event,
                                 void (*add)(struct buffer *out, const struct session_info *info))
{
    struct session_info info;
    line_begin(out, clock, record->wall_ns, "seq", record->seq);
    line_add_session(out, &record->session);
    line_add_text(out, "event", event);
    if (line_session_info(record, &info)) {
        add(out, &info);
        if (record->type == RECORD_CLOSED)
            add_lasted(out, &info, record->mono_ns);
    }
    line_end(out);
}

static void append_clock_step(struct buffer *out, struct clock_formatter *clock,
                              const struct record *record)
{
    int64_t step;
    line_begin(out, clock, record->wall_ns, "seq", record->seq);
    line_add_text(out, "event", "clock_step");
    if (record->payload.len == sizeof step) {
        memcpy(&step, record->payload.data, sizeof step);
        line_add_i64(out, "step_us", step / NS_PER_US);
    }
    line_end(out);
}

static void add_gap(struct buffer *out, const struct gap_info *gap)
{
    line_add_text(out, "event", "gap");
    line_add_u64(out, "lost", gap->lost);
    line_add_u64(out, "first_lost", gap->first_lost);
    if (gap->bytes)
        line_add_u64(out, "bytes", gap->bytes);
    line_add_text(out, "reason", gap->reason);
    line_end(out);
}

static void append_numbered_gap(struct buffer *out, struct clock_formatter *clock,
                                const struct record *record)
{
    struct gap_info gap = {0};
    if (record->payload.len == sizeof gap)
        memcpy(&gap, record->payload.data, sizeof gap);
    gap.reason[sizeof gap.reason - 1] = '\0';
    line_begin(out, clock, record->wall_ns, "seq", record->seq);
    add_gap(out, &gap);
}

void line_append_gap(struct buffer *out, struct clock_formatter *clock,
                     const struct record *following, const struct gap_info *gap)
{
    line_begin(out, clock, following->wall_ns, "at", following->seq);
    add_gap(out, gap);
}

void line_append_recovered(struct buffer *out, int64_t wall_ns, uint64_t at, uint64_t lines,
                           const char *reason)
{
    struct clock_formatter clock = {0};
    line_begin(out, &clock, wall_ns, "at", at);
    line_add_text(out, "event", "recovered");
    line_add_u64(out, "lines", lines);
    line_add_text(out, "reason", reason);
    line_end(out);
}

void line_append_record(struct buffer *out, struct clock_formatter *clock,
                        const struct record *record)
{
    switch (record->type) {
    case RECORD_MESSAGE:
        append_message(out, clock, record);
        return;
    case RECORD_OPENED:
        append_session_event(out, clock, record, "opened", add_opened);
        return;
    case RECORD_POOL_CONNECTED:
        append_session_event(out, clock, record, "pool_connected", add_pool_connected);
        return;
    case RECORD_CLOSED:
        append_session_event(out, clock, record, "closed", add_closed);
        return;
    case RECORD_CLOCK_STEP:
        append_clock_step(out, clock, record);
        return;
    case RECORD_GAP:
        append_numbered_gap(out, clock, record);
        return;
    }
    line_begin(out, clock, record->wall_ns, "seq", record->seq);
    line_add_text(out, "event", "unknown");
    line_end(out);
}
