/*
 * load_recognise.c - the reading half of load_traffic.h: which of the known lines is this?
 *
 * A line is taken apart from the left by comparing it with the constant text that the writing half
 * puts there. Bytes behind the part that matters are not looked at: the run compares a hash of
 * every byte anyway, and this only has to tell the kinds apart and find the numbers.
 */
#include "tests/bench/load_traffic.h"

#include <string.h>

/* What is left of a line. */
struct rest {
    const char *at;
    size_t len;
};

/* Steps over `text` if the rest begins with it. */
static bool take(struct rest *rest, const char *text, size_t len)
{
    if (rest->len < len || memcmp(rest->at, text, len) != 0) {
        return false;
    }
    rest->at += len;
    rest->len -= len;
    return true;
}
#define TAKE(rest, literal) take((rest), (literal), sizeof(literal) - 1)

static bool take_decimal(struct rest *rest, size_t max_digits, uint64_t *value)
{
    size_t n = 0;
    *value = 0;
    while (n < rest->len && n < max_digits && rest->at[n] >= '0' && rest->at[n] <= '9') {
        *value = *value * 10 + (uint64_t)(rest->at[n] - '0');
        n++;
    }
    rest->at += n;
    rest->len -= n;
    return n > 0;
}

static bool take_hex32(struct rest *rest, uint32_t *value)
{
    *value = 0;
    if (rest->len < 8) {
        return false;
    }
    for (int i = 0; i < 8; i++) {
        const char c = rest->at[i];
        const bool letter = c >= 'a' && c <= 'f';
        if (!letter && (c < '0' || c > '9')) {
            return false;
        }
        *value = *value << 4 | (uint32_t)(letter ? c - 'a' + 10 : c - '0');
    }
    rest->at += 8;
    rest->len -= 8;
    return true;
}

/* Behind `{"id":null,"method":"mining.`. */
static enum traffic_kind read_notification(struct rest rest, struct traffic_view *view)
{
    if (TAKE(&rest, "notify\",\"params\":[\"") && take_hex32(&rest, &view->number)) {
        return TRAFFIC_NOTIFY;
    }
    return TAKE(&rest, "set_difficulty\",") ? TRAFFIC_SET_DIFFICULTY : TRAFFIC_UNKNOWN;
}

/* Behind `{"id":N,"method":"mining.`. */
static enum traffic_kind read_request(struct rest rest, struct traffic_view *view)
{
    if (TAKE(&rest, "submit\",")) {
        return TRAFFIC_SUBMIT;
    }
    if (TAKE(&rest, "subscribe\",")) {
        return TRAFFIC_SUBSCRIBE;
    }
    uint64_t miner = 0;
    if (TAKE(&rest, "authorize\",\"params\":[\"" TRAFFIC_WORKER_STEM) &&
        take_decimal(&rest, 5, &miner)) {
        view->number = (uint32_t)miner;
        return TRAFFIC_AUTHORIZE;
    }
    return TRAFFIC_UNKNOWN;
}

static enum traffic_kind read_with_id(struct rest rest, struct traffic_view *view)
{
    if (TAKE(&rest, ",\"method\":\"mining.")) {
        return read_request(rest, view);
    }
    if (!TAKE(&rest, ",\"result\":")) {
        return TRAFFIC_UNKNOWN;
    }
    const bool plain = TAKE(&rest, "true,\"error\":null}") && rest.len == 0;
    return plain ? TRAFFIC_TRUE_REPLY : TRAFFIC_OTHER_REPLY;
}

struct traffic_view traffic_read(const char *line, size_t len)
{
    struct traffic_view view = {.kind = TRAFFIC_UNKNOWN};
    struct rest rest = {line, len};
    if (!TAKE(&rest, "{\"id\":")) {
        return view;
    }
    if (TAKE(&rest, "null,\"method\":\"mining.")) {
        view.kind = read_notification(rest, &view);
        return view;
    }
    view.id = rest.at;
    if (take_decimal(&rest, 19, &view.id_number)) {
        view.id_len = (size_t)(rest.at - view.id);
        view.kind = read_with_id(rest, &view);
    }
    return view;
}
