/* websocket.c - a reader's frames, pings and end; see websocket.h. */
#include "api/front/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "api/http/websocket_frame.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define PING           "{\"type\":\"ping\"}"
#define CLOSE_PROTOCOL 1002 /* RFC 6455, 7.4.1 */
#define CLOSE_TOO_BIG  1009
#define SCRATCH_KEPT   (8u << 10)

struct websocket {
    struct stream *stream;
    struct subscriptions *subscriptions;
    struct subscription *subscription;
    struct websocket_parser parser;
    int64_t sent_ns, heard_ns;
    bool pinged; /* since something was heard */
    bool ended;  /* a close frame was sent */
};

/* ---- the handshake ---- */

static enum auth_verdict check(const struct auth *auth, const struct http_head *head)
{
    const struct auth_request request = {
        .method = head->method,
        .host = head->host,
        .origin = head->origin,
        .cookie = head->cookie,
        .authorization = head->authorization,
        .content_type = head->content_type,
        .needs_token = true,
        .websocket = true,
    };

    return auth_check(auth, &request);
}

static int check_handshake(const struct auth *auth, const struct http_head *head,
                           struct subscription_filter **filter, struct buffer *answer,
                           struct error *err)
{
    enum auth_verdict verdict = check(auth, head);

    if (verdict != AUTH_ALLOWED) {
        (void)error_set(err, STATUS_DENIED, "%s", auth_reason(verdict));
        return auth_status(verdict);
    }
    if (subscription_filter_new(filter, head->query, err) != STATUS_OK)
        return 422;
    if (websocket_accept(head, answer, err) == STATUS_OK)
        return 0;
    subscription_filter_free(*filter);
    return 400;
}

int websocket_open(struct websocket **out, const struct auth *auth,
                   struct subscriptions *subscriptions, const struct http_head *head,
                   struct stream *stream, void *user, struct error *err)
{
    struct subscription_filter *filter = NULL;
    struct buffer answer = {0};
    int code = check_handshake(auth, head, &filter, &answer, err);

    if (code == 0) {
        struct websocket *websocket = memory_new(sizeof *websocket);

        websocket->stream = stream;
        websocket->subscriptions = subscriptions;
        websocket->sent_ns = websocket->heard_ns = clock_mono_ns();
        /* First, so that whoever has the answer misses nothing that comes behind it. */
        websocket->subscription = subscription_add(subscriptions, filter, user);
        stream_write(stream, answer.data, answer.len);
        *out = websocket;
    }
    buffer_close(&answer);
    return code;
}

void websocket_free(struct websocket *websocket)
{
    if (websocket == NULL)
        return;
    subscription_remove(websocket->subscriptions, websocket->subscription);
    free(websocket);
}

/* ---- sending ---- */

/* `frame` holds WEBSOCKET_HEAD_MAX bytes of room, then the payload. */
static void send_frame(struct websocket *websocket, enum websocket_opcode opcode,
                       struct buffer *frame)
{
    unsigned char head[WEBSOCKET_HEAD_MAX];
    size_t payload = frame->len - WEBSOCKET_HEAD_MAX;
    size_t len = websocket_frame_head(head, opcode, payload);
    char *begin = frame->data + WEBSOCKET_HEAD_MAX - len;

    memcpy(begin, head, len);
    stream_write(websocket->stream, begin, len + payload);
}

static void make_room(struct buffer *frame)
{
    buffer_clear(frame);
    buffer_reserve(frame, SCRATCH_KEPT);
    frame->len = WEBSOCKET_HEAD_MAX;
}

static void send_text(struct websocket *websocket, struct buffer *frame)
{
    send_frame(websocket, WEBSOCKET_TEXT, frame);
    websocket->sent_ns = clock_mono_ns();
}

/* While all readers together hold too much each gets one frame after the other. */
static bool has_room(const struct websocket *websocket)
{
    size_t queued = websocket->stream->queued;

    return queued == 0 ||
           (queued < WEBSOCKET_QUEUE && !subscriptions_are_full(websocket->subscriptions));
}

static void weigh(struct websocket *websocket)
{
    subscription_weigh(websocket->subscriptions, websocket->subscription,
                       websocket->stream->queued);
}

void websocket_serve(struct websocket *websocket)
{
    struct buffer frame = {0};

    while (!websocket->ended && has_room(websocket)) {
        make_room(&frame);
        if (!subscription_take(websocket->subscriptions, websocket->subscription, &frame))
            break;
        send_text(websocket, &frame);
        weigh(websocket);
    }
    weigh(websocket);
    buffer_close(&frame);
}

static void send_control(struct websocket *websocket, enum websocket_opcode opcode,
                         struct span payload)
{
    struct buffer frame = {0};

    if (websocket->ended || websocket->stream->queued > WEBSOCKET_QUEUE)
        return; /* a reader that asks and does not read gets no answers */
    make_room(&frame);
    buffer_append(&frame, payload.data, payload.len);
    send_frame(websocket, opcode, &frame);
    buffer_close(&frame);
}

static void send_close(struct websocket *websocket, unsigned code)
{
    char payload[2] = {(char)(code >> 8), (char)(code & 0xff)};

    send_control(websocket, WEBSOCKET_CLOSE, span_make(payload, sizeof payload));
    websocket->ended = true;
}

/* ---- receiving ---- */

static void on_control(void *user, enum websocket_opcode opcode, struct span payload)
{
    struct websocket *websocket = user;

    if (opcode == WEBSOCKET_PING)
        send_control(websocket, WEBSOCKET_PONG, payload);
    if (opcode != WEBSOCKET_CLOSE)
        return;
    send_control(websocket, WEBSOCKET_CLOSE, span_make(payload.data, payload.len < 2 ? 0 : 2));
    websocket->ended = true;
}

bool websocket_data(struct websocket *websocket, const char *data, size_t len)
{
    enum status status;

    if (websocket->ended)
        return false;
    websocket->heard_ns = clock_mono_ns();
    websocket->pinged = false;
    status = websocket_parse(&websocket->parser, span_make(data, len), WEBSOCKET_LONGEST,
                             on_control, websocket);
    if (status != STATUS_OK)
        send_close(websocket, status == STATUS_FULL ? CLOSE_TOO_BIG : CLOSE_PROTOCOL);
    return !websocket->ended;
}

/* ---- time ---- */

bool websocket_tick(struct websocket *websocket, int64_t now_ns)
{
    struct buffer frame = {0};

    if (now_ns - websocket->heard_ns > WEBSOCKET_DEAD_MS * NS_PER_MS)
        return false;
    if (now_ns - websocket->heard_ns > WEBSOCKET_PING_MS * NS_PER_MS && !websocket->pinged) {
        websocket->pinged = true;
        send_control(websocket, WEBSOCKET_PING, span_make("", 0));
    }
    if (now_ns - websocket->sent_ns > WEBSOCKET_BEAT_MS * NS_PER_MS &&
        websocket->stream->queued == 0) {
        make_room(&frame);
        buffer_append_text(&frame, PING);
        send_text(websocket, &frame);
        buffer_close(&frame);
    }
    return true;
}
