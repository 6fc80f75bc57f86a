/* Heads of HTTP requests, query strings of readers, and WebSocket frames, from strangers, and
 * answers of the server: the first byte says which. What is accepted must hold what the callers
 * rely on. */
#include <stdlib.h>

#include "api/http/pass.h"
#include "api/http/websocket_frame.h"
#include "api/live/subscription.h"

#define LONGEST 4096

static void fuzz_head(struct span text)
{
    struct http_head head, again;
    struct buffer path = {0}, anew = {0}, twice = {0};
    int code;

    if (http_head_parse(&head, text, &code) != STATUS_OK)
        return;
    if (http_path_clean(&path, head.path)) {
        http_pass_head(&anew, &head, span_make(path.data, path.len));
        if (http_head_parse(&again, span_make(anew.data, anew.len), &code) != STATUS_OK &&
            head.host.data != NULL) /* HTTP/1.0 may have none */
            abort();
        if (head.host.data != NULL &&
            (again.body != head.body || again.len != anew.len || again.websocket ||
             !http_path_clean(&twice, again.path) ||
             !span_equal(span_make(twice.data, twice.len), span_make(path.data, path.len))))
            abort();
    }
    buffer_close(&path);
    buffer_close(&anew);
    buffer_close(&twice);
    if (head.len > text.len || head.path.len == 0 || head.path.data[0] != '/' ||
        head.path.len + head.query.len > head.target.len)
        abort();
    (void)http_cookie(head.cookie, "hashscope-8000");
}

/* In whatever pieces an answer comes, it ends at the same place. */
static void fuzz_answer(struct span text)
{
    struct http_answer answer;
    struct http_body whole, pieces;
    size_t end = 0, at = 0, taken = 0;
    bool good;

    if (http_answer_parse(&answer, text, false) != STATUS_OK)
        return;
    http_body_begin(&whole, &answer);
    http_body_begin(&pieces, &answer);
    good = http_body_take(&whole, text.data + answer.len, text.len - answer.len, &end);
    for (; good && at < end; at += taken) {
        if (!http_body_take(&pieces, text.data + answer.len + at, 1, &taken) || taken != 1)
            abort();
    }
    if (good && whole.state != pieces.state)
        abort();
}

static void fuzz_query(struct span text)
{
    struct subscription_filter *filter;

    if (subscription_filter_new(&filter, text, NULL) != STATUS_OK)
        return;
    if (filter->messages.query.text_len > MESSAGE_FILTER_TEXT ||
        filter->messages.query.method_count > MESSAGE_FILTER_METHODS)
        abort();
    subscription_filter_free(filter);
}

static void on_control(void *user, enum websocket_opcode opcode, struct span payload)
{
    uint64_t *sum = user;

    if (opcode < WEBSOCKET_CLOSE || payload.len > WEBSOCKET_CONTROL_MAX)
        abort();
    for (size_t i = 0; i < payload.len; i++)
        *sum = *sum * 31 + (unsigned char)payload.data[i];
    *sum = *sum * 31 + opcode;
}

/* In whatever pieces the bytes come, the same control frames come out. */
static void fuzz_frames(struct span text)
{
    struct websocket_parser whole = {.in_payload = 0}, pieces = {.in_payload = 0};
    uint64_t first = 0, second = 0;
    enum status expected = websocket_parse(&whole, text, LONGEST, on_control, &first);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < text.len && status == STATUS_OK; i++)
        status =
            websocket_parse(&pieces, span_make(text.data + i, 1), LONGEST, on_control, &second);
    if (status != expected || first != second)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text;

    if (size == 0)
        return 0;
    text = span_make((const char *)data + 1, size - 1);
    if (data[0] == 'A')
        fuzz_answer(text);
    else if (data[0] % 3 == 0)
        fuzz_head(text);
    else if (data[0] % 3 == 1)
        fuzz_query(text);
    else
        fuzz_frames(text);
    return 0;
}
