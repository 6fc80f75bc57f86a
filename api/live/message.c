/* message.c - from a line of the archive to the object that clients get. */
#include "api/live/message.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/request/json_out.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/export/mask.h"
#include "lib/stratum/message.h"
#include "lib/stratum/strict.h"

/* One side of a pair: a line and its bytes. */
struct side {
    struct segment_line line;
    struct span bytes;
    struct stratum_scan scan;
    struct buffer decoded;
    struct masker masker;
};

static bool side_open(struct side *side, struct span text, bool masked)
{
    struct query_row row = {0};
    *side = (struct side){.bytes = {NULL, 0}};
    if (text.len == 0 || segment_line_parse(&row.line, text.data, text.len) != STATUS_OK ||
        !row.line.is_message)
        return false;
    side->line = row.line;
    if (query_row_bytes(&row, &side->decoded, &side->bytes) != STATUS_OK)
        side->bytes = span_text("");
    if (masked)
        side->bytes = mask_message(&side->masker, &side->line, side->bytes);
    stratum_scan_line(&side->scan, side->bytes.data, side->bytes.len);
    return true;
}

static void side_close(struct side *side)
{
    buffer_close(&side->decoded);
    masker_close(&side->masker);
}

/* ---- members ---- */

/* A value of the message, as JSON that every client reads. */
static void put_value(struct buffer *out, const char *key, struct span json)
{
    out_name(out, key);
    if (!stratum_strict_append(out, json))
        buffer_append_text(out, "null");
}

/* An empty text is one; none is null. */
static void put_string(struct buffer *out, const char *key, struct span text)
{
    if (text.data)
        out_string(out, key, text);
    else
        out_null(out, key);
}

static bool is_text(struct span bytes)
{
    return utf8_valid_prefix(bytes.data ? bytes.data : "", bytes.len) == bytes.len;
}

static void put_bytes(struct buffer *out, struct span bytes)
{
    bool text = is_text(bytes);
    put_string(out, "raw",
               text ? span_make(bytes.data ? bytes.data : "", bytes.len) : (struct span){NULL, 0});
    if (text) {
        out_null(out, "raw_base64");
        return;
    }
    out_name(out, "raw_base64");
    buffer_append_char(out, '"');
    buffer_append_base64(out, bytes.data, bytes.len);
    buffer_append_char(out, '"');
}

/* The view made last, of each thread: a job goes to all miners in the same bytes, one behind the
 * other, and its view is what costs most. */
#define MEMO_MIN 400 /* bytes; shorter messages differ */
#define MEMO_MAX (64u << 10)

struct memo {
    enum stratum_method answered;
    struct buffer bytes, view;
};

static pthread_key_t memo_key;

static void free_memo(void *user)
{
    struct memo *memo = user;
    buffer_close(&memo->bytes);
    buffer_close(&memo->view);
    free(memo);
}

static void make_memo_key(void)
{
    if (pthread_key_create(&memo_key, free_memo) != 0)
        abort();
}

static struct memo *own_memo(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_memo_key);
    struct memo *memo = pthread_getspecific(memo_key);
    if (!memo) {
        memo = memory_new(sizeof *memo);
        (void)pthread_setspecific(memo_key, memo);
    }
    return memo;
}

/* What is nested deeper than any message needs has no view, but its bytes: readers that take JSON
 * apart by recursion, ours and our clients', would end with it. */
static void make_view(struct buffer *out, const struct side *side, enum stratum_method answered)
{
    bool whole = side->scan.fault != STRATUM_FAULT_DEPTH && !side->line.is_fragment;
    if (!whole || !stratum_message_write(out, side->bytes, answered, NULL))
        buffer_append_text(out, "null");
}

static void put_view(struct buffer *out, const struct side *side, enum stratum_method answered)
{
    out_name(out, "decoded");
    if (side->bytes.len < MEMO_MIN || side->bytes.len > MEMO_MAX || side->line.is_fragment) {
        make_view(out, side, answered);
        return;
    }
    struct memo *memo = own_memo();
    if (memo->answered == answered &&
        span_equal(span_make(memo->bytes.data, memo->bytes.len), side->bytes)) {
        buffer_append(out, memo->view.data, memo->view.len);
        return;
    }
    size_t begin = out->len;
    make_view(out, side, answered);
    buffer_clear(&memo->bytes);
    buffer_clear(&memo->view);
    if (out->len - begin > MEMO_MAX)
        return;
    memo->answered = answered;
    buffer_append(&memo->bytes, side->bytes.data, side->bytes.len);
    buffer_append(&memo->view, out->data + begin, out->len - begin);
}

static void put_id(struct buffer *out, const char *key, uint64_t instance, uint64_t seq)
{
    char text[QUERY_ID_BYTES];
    query_id_format(text, instance, seq);
    put_string(out, key, span_text(text));
}

static void put_latency(struct buffer *out, const struct segment_line *answer)
{
    out_name(out, "latency_ms");
    if (answer && answer->paired)
        buffer_append_format(out, "%lld.%03lld", (long long)(answer->latency_us / 1000),
                             (long long)(answer->latency_us % 1000));
    else
        buffer_append_text(out, "null");
}

/* A line of its own that can be read, if only by lenient peers. */
static bool is_readable(const struct side *side)
{
    const struct stratum_scan *scan = &side->scan;
    return !side->line.is_fragment &&
           (scan->fault == STRATUM_FAULT_NONE ||
            (scan->kind != STRATUM_OTHER && scan->fault != STRATUM_FAULT_TRUNCATED));
}

static void put_answer(struct buffer *out, const struct message_source *source,
                       const struct side *side, const struct side *answer)
{
    if (answer)
        put_id(out, "paired_message_id", source->instance, answer->line.seq);
    else if (side->line.paired)
        put_id(out, "paired_message_id", source->instance, side->line.re);
    else
        out_null(out, "paired_message_id");
    put_value(out, "response",
              answer && is_readable(answer) ? answer->bytes : (struct span){NULL, 0});
    put_string(out, "response_raw",
               answer && is_text(answer->bytes) ? answer->bytes : (struct span){NULL, 0});
    if (answer)
        out_time(out, "response_ts_recv", answer->line.wall_ns);
    else
        out_null(out, "response_ts_recv");
    put_latency(out, answer ? &answer->line : &side->line);
}

/* How long forwarding took stands in the line only when it was long. */
static int64_t forwarded_ns(const struct segment_line *line)
{
    static const char key[] = ",\"fwd_us\":";
    const char *end = line->msg.data ? line->msg.data : line->text.data + line->text.len;
    const char *at = memmem(line->text.data, (size_t)(end - line->text.data), key, sizeof key - 1);
    int64_t took_us = at ? strtoll(at + sizeof key - 1, NULL, 10) : 0;
    return clock_later(line->wall_ns, clock_ns(took_us, NS_PER_US));
}

/* The first bytes of a TLS client, which took the plain port for the one with TLS. */
static bool is_tls_hello(const struct side *side)
{
    return side->line.direction == DIRECTION_MINER_TO_POOL &&
           span_equal_text(side->line.why, "no text") && side->bytes.len > 2 &&
           memcmp(side->bytes.data, "\x16\x03", 2) == 0;
}

/* The method's text stands between quotes. What cannot be read tells as much as the line did when
 * it was recorded. */
static void put_call(struct buffer *out, const struct side *side)
{
    const struct span method = side->scan.method_text, none = {NULL, 0};
    bool readable = is_readable(side);
    out_name(out, "method");
    bool told = readable && method.data &&
                stratum_strict_append(out, span_make(method.data - 1, method.len + 2));
    if (!told && side->line.method.data)
        buffer_append_format(out, "\"%.*s\"", (int)side->line.method.len, side->line.method.data);
    else if (!told)
        buffer_append_text(out, "null");
    put_value(out, "jsonrpc_id", readable ? side->scan.id_text : none);
    out_bool(out, "is_request", side->scan.kind == STRATUM_REQUEST);
    out_bool(out, "is_response", side->scan.kind == STRATUM_RESPONSE);
}

static void put_fragment(struct buffer *out, const struct segment_line *line)
{
    if (line->is_fragment)
        out_u64(out, "fragment", line->fragment);
    else
        out_null(out, "fragment");
}

static void put_message(struct buffer *out, const struct message_source *source,
                        const struct side *side, const struct side *answer)
{
    const struct segment_line *line = &side->line;
    char id[QUERY_ID_BYTES];
    query_id_format(id, source->instance, line->seq);
    buffer_append_format(out, "{\"id\":\"%s\",\"seq\":%llu", id, (unsigned long long)line->seq);
    id[16] = '\0';
    out_text(out, "imported_as", span_text(source->imported ? id : ""));
    out_time(out, "ts_recv", line->wall_ns);
    out_time(out, "ts_fwd", forwarded_ns(line));
    put_string(out, "direction", span_text(direction_name(line->direction)));
    put_string(out, "session_id", line->session);
    put_string(out, "peer",
               source->peer && source->peer[0] ? span_text(source->peer) : (struct span){NULL, 0});
    put_bytes(out, side->bytes);
    put_view(out, side, source->answered);
    out_name(out, "parse_error");
    if (is_tls_hello(side))
        buffer_append_text(out, "\"no text: a TLS hello on the plain port\"");
    else if (line->why.data) /* as it stands in the line, escapes included */
        buffer_append_format(out, "\"%.*s\"", (int)line->why.len, line->why.data);
    else
        buffer_append_text(out, "null");
    out_u64(out, "size_bytes", side->bytes.len);
    put_fragment(out, line);
    put_call(out, side);
    put_answer(out, source, side, answer);
    buffer_append_char(out, '}');
}

void message_write(struct buffer *out, const struct message_source *source)
{
    struct side side, answer;
    bool answered = side_open(&answer, source->answer, source->masked);
    if (side_open(&side, source->line, source->masked))
        put_message(out, source, &side, answered ? &answer : NULL);
    else
        buffer_append_text(out, "null");
    side_close(&side);
    side_close(&answer);
}

size_t message_write_page(struct buffer *out, const struct page *page, bool masked)
{
    size_t begin = out->len, i = 0;
    for (; i < page->count && out->len - begin < MESSAGE_PAGE_BYTES; i++) {
        const struct page_row *row = &page->rows[i];
        const struct message_source source = {
            .instance = page->instance,
            .imported = page->imported,
            .line = page_line(page, row),
            .answer = page_answer(page, row),
            .answered = row->answered,
            .peer = row->peer,
            .masked = masked,
        };
        if (i > 0)
            buffer_append_char(out, ',');
        message_write(out, &source);
    }
    return i;
}
