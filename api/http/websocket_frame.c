/* websocket_frame.c - RFC 6455, sections 4.2 and 5; see websocket_frame.h. */
#include "api/http/websocket_frame.h"

#include <openssl/sha.h>
#include <string.h>

/* RFC 6455, 1.3 */
#define HANDSHAKE_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN        24 /* 16 bytes in base64 */

/* ---- handshake ---- */

static enum status accept_key(struct span key, struct buffer *out)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    char text[KEY_LEN + sizeof(HANDSHAKE_GUID)], nonce[KEY_LEN];
    size_t len;

    if (key.len != KEY_LEN || !base64_decode(nonce, &len, key.data, key.len) || len != 16)
        return STATUS_INVALID;
    memcpy(text, key.data, KEY_LEN);
    memcpy(text + KEY_LEN, HANDSHAKE_GUID, sizeof(HANDSHAKE_GUID) - 1);
    SHA1((const unsigned char *)text, KEY_LEN + sizeof(HANDSHAKE_GUID) - 1, digest);
    buffer_append_base64(out, digest, sizeof digest);
    return STATUS_OK;
}

enum status websocket_accept(const struct http_head *head, struct buffer *out, struct error *err)
{
    if (!head->websocket || !span_equal_text(head->websocket_version, "13"))
        return error_set(err, STATUS_INVALID,
                         "expected a WebSocket handshake of version 13 (RFC 6455)");
    buffer_append_text(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    if (accept_key(head->websocket_key, out) != STATUS_OK) {
        buffer_clear(out);
        return error_set(err, STATUS_INVALID, "Sec-WebSocket-Key: expected 16 bytes in base64");
    }
    buffer_append_text(out, "\r\n\r\n");
    return STATUS_OK;
}

/* ---- sending ---- */

static void put_big_endian(unsigned char *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
}

size_t websocket_frame_head(unsigned char out[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode,
                            uint64_t payload)
{
    out[0] = (unsigned char)(0x80 | opcode);
    if (payload < 126) {
        out[1] = (unsigned char)payload;
        return 2;
    }
    if (payload <= UINT16_MAX) {
        out[1] = 126;
        put_big_endian(out + 2, payload, 2);
        return 4;
    }
    out[1] = 127;
    put_big_endian(out + 2, payload, 8);
    return 10;
}

/* ---- receiving ---- */

/* Bytes of the head, as far as those that are there tell. */
static size_t head_length(const struct websocket_parser *parser)
{
    unsigned len;

    if (parser->head_len < 2)
        return 2;
    len = parser->head[1] & 0x7f;
    return 2u + 4u + (len == 126 ? 2u : len == 127 ? 8u : 0u);
}

static bool is_control(enum websocket_opcode opcode)
{
    return ((unsigned)opcode & 8u) != 0;
}

static bool is_known(unsigned opcode)
{
    return opcode <= WEBSOCKET_BINARY || (opcode >= WEBSOCKET_CLOSE && opcode <= WEBSOCKET_PONG);
}

static uint64_t payload_length(const struct websocket_parser *parser, size_t *mask_at)
{
    unsigned len = parser->head[1] & 0x7f;
    size_t bytes = len == 126 ? 2 : len == 127 ? 8 : 0;
    uint64_t value = bytes == 0 ? len : 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | parser->head[2 + i];
    *mask_at = 2 + bytes;
    return value;
}

/* The head is complete: no extension is agreed upon (5.2), control frames
 * are short and whole (5.5). */
static enum status take_head(struct websocket_parser *parser, uint64_t longest)
{
    unsigned first = parser->head[0];
    size_t mask_at;

    parser->opcode = (enum websocket_opcode)(first & 0x0f);
    parser->left = payload_length(parser, &mask_at);
    if ((first & 0x70) != 0 || !is_known(first & 0x0f))
        return STATUS_INVALID;
    if (is_control(parser->opcode) && ((first & 0x80) == 0 || parser->left > WEBSOCKET_CONTROL_MAX))
        return STATUS_INVALID;
    if (parser->left > longest)
        return STATUS_FULL;
    memcpy(parser->mask, parser->head + mask_at, 4);
    parser->control_len = 0;
    parser->in_payload = 1;
    return STATUS_OK;
}

static void take_payload(struct websocket_parser *parser, struct span *rest)
{
    size_t len = rest->len < parser->left ? rest->len : (size_t)parser->left;

    if (is_control(parser->opcode)) {
        for (size_t i = 0; i < len; i++, parser->control_len++)
            parser->control[parser->control_len] =
                (char)((unsigned char)rest->data[i] ^ parser->mask[parser->control_len & 3]);
    }
    parser->left -= len;
    if (len > 0)
        *rest = span_make(rest->data + len, rest->len - len);
}

static enum status take_head_byte(struct websocket_parser *parser, struct span *rest,
                                  uint64_t longest)
{
    parser->head[parser->head_len++] = (unsigned char)*rest->data;
    *rest = span_make(rest->data + 1, rest->len - 1);
    if (parser->head_len == 2 && (parser->head[1] & 0x80) == 0)
        return STATUS_INVALID; /* not masked (5.1) */
    if (parser->head_len < head_length(parser))
        return STATUS_OK;
    return take_head(parser, longest);
}

enum status websocket_parse(struct websocket_parser *parser, struct span bytes, uint64_t longest,
                            websocket_control *on_control, void *user)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && (bytes.len > 0 || (parser->in_payload && parser->left == 0))) {
        if (!parser->in_payload) {
            status = take_head_byte(parser, &bytes, longest);
            continue;
        }
        take_payload(parser, &bytes);
        if (parser->left > 0)
            continue;
        parser->in_payload = 0;
        parser->head_len = 0;
        if (is_control(parser->opcode))
            on_control(user, parser->opcode, span_make(parser->control, parser->control_len));
    }
    return status;
}
