/* login.c - see login.h. Nothing fails: what has another shape names nobody. */
#include "lib/record/login.h"

#include "lib/base/json.h"
#include "lib/base/json_text.h"
#include "lib/record/json_slice.h"

static bool inside(struct span value, struct span *out)
{
    if (!json_is_string(value))
        return false;
    *out = span_make(value.data + 1, value.len - 2);
    return true;
}

static bool first(struct span params, struct span *out)
{
    struct span value;
    return params.data && json_element(params, 0, &value) && inside(value, out);
}

static bool member(struct span params, const char *name, struct span *out)
{
    struct span value;
    return params.data && json_member(params, name, &value) && inside(value, out);
}

/* What is no JSON, or ends too early, names nobody: what was seen of it may be anything. */
static bool is_read(const struct stratum_scan *scan)
{
    return scan->kind != STRATUM_OTHER && scan->fault != STRATUM_FAULT_TRUNCATED;
}

bool login_worker(const struct stratum_scan *scan, struct span *name)
{
    if (!is_read(scan))
        return false;
    if (scan->method == STRATUM_MINING_AUTHORIZE || scan->method == STRATUM_ETH_SUBMIT_LOGIN)
        return first(scan->params, name);
    return scan->method == STRATUM_LOGIN && member(scan->params, "login", name);
}

bool login_agent(const struct stratum_scan *scan, struct span *name)
{
    if (!is_read(scan))
        return false;
    if (scan->method == STRATUM_MINING_SUBSCRIBE)
        return first(scan->params, name);
    return (scan->method == STRATUM_LOGIN || scan->method == STRATUM_MINING_HELLO) &&
           member(scan->params, "agent", name);
}

struct span login_sound(struct span name, struct buffer *scratch)
{
    struct buffer plain = {0};
    json_text_append(&plain, name);
    buffer_clear(scratch);
    json_append_string(scratch, plain.data ? plain.data : "", plain.len);
    buffer_close(&plain);
    return span_make(scratch->data + 1, scratch->len - 2);
}
