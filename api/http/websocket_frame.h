/*
 * websocket_frame.h - the WebSocket protocol (RFC 6455) as a server needs it that sends text and
 * takes nothing but control frames seriously: the handshake's answer, the heads of frames sent, the
 * frames received.
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_API_HTTP_WEBSOCKET_FRAME_H
#define HASHSCOPE_API_HTTP_WEBSOCKET_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "api/http/head.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

#define WEBSOCKET_HEAD_MAX    10  /* of a frame sent */
#define WEBSOCKET_CONTROL_MAX 125 /* payload of a control frame (5.5) */

/* The answer 101 to a handshake. STATUS_INVALID: the head lacks something, with why. */
enum status websocket_accept(const struct http_head *head, struct buffer *out,
                             struct error *err) MUST_CHECK;

/* Writes the head of an unmasked, final frame; returns its length. */
size_t websocket_frame_head(unsigned char out[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode,
                            uint64_t payload);

/* What comes from a client, in any pieces. Zeroed to begin. Data is passed over. */
struct websocket_parser {
    unsigned char head[14];
    size_t head_len;
    uint64_t left; /* of the payload */
    enum websocket_opcode opcode;
    unsigned char mask[4];
    char control[WEBSOCKET_CONTROL_MAX];
    size_t control_len;
    int in_payload;
};

/* Called for each whole control frame, its payload unmasked. */
typedef void websocket_control(void *user, enum websocket_opcode opcode, struct span payload);

/* STATUS_INVALID: a breach of the protocol (close with 1002). `longest` bounds a data frame
 * (STATUS_FULL: 1009). */
enum status websocket_parse(struct websocket_parser *parser, struct span bytes, uint64_t longest,
                            websocket_control *on_control, void *user) MUST_CHECK;

#endif
