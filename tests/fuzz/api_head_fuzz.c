/* Heads of HTTP requests, query strings of readers, and WebSocket frames, from strangers: the first
 * byte says which. What is accepted must hold what the callers rely on. */
#include <stdlib.h>

#include "api/http_head.h"
#include "api/subscription.h"
#include "api/websocket_frame.h"

#define LONGEST 4096

static void fuzz_head(struct span text)
{
    struct http_head head;
    int code;

    if (http_head_parse(&head, text, &code) != STATUS_OK)
        return;
    if (head.len > text.len || head.path.len == 0 || head.path.data[0] != '/' ||
        head.path.len + head.query.len > head.target.len)
        abort();
    (void)http_cookie(head.cookie, "hashscope-8000");
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
    if (data[0] % 3 == 0)
        fuzz_head(text);
    else if (data[0] % 3 == 1)
        fuzz_query(text);
    else
        fuzz_frames(text);
    return 0;
}
