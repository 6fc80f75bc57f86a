/* unasked.c - see unasked.h: the ring is searched from the newest request on. */
#include "lib/stratum/unasked.h"

const char *stratum_unasked_name(enum stratum_unasked why)
{
    static const char *const names[STRATUM_UNASKED_COUNT] = {"other_type", "repeated", "late",
                                                             "unknown"};
    return names[why];
}

static unsigned held(const struct stratum_asked *asked)
{
    return asked->count < STRATUM_ASKED_MAX ? asked->count : STRATUM_ASKED_MAX;
}

/* The place of the `back`-th newest, from 1. */
static unsigned place(const struct stratum_asked *asked, unsigned back)
{
    return (asked->count - back) % STRATUM_ASKED_MAX;
}

static struct stratum_id id_at(const struct stratum_asked *asked, unsigned at)
{
    return (struct stratum_id){(enum stratum_id_type)asked->types[at], asked->values[at]};
}

void stratum_asked_request(struct stratum_asked *asked, const struct stratum_id *id)
{
    unsigned at = asked->count % STRATUM_ASKED_MAX;
    asked->values[at] = id->value;
    asked->types[at] = (uint8_t)id->type;
    asked->answered[at] = false;
    asked->count++;
    if (asked->count == 2 * STRATUM_ASKED_MAX) /* it never overflows */
        asked->count = STRATUM_ASKED_MAX;
}

/* Of several with one id the oldest is answered first. */
void stratum_asked_answered(struct stratum_asked *asked, const struct stratum_id *id)
{
    for (unsigned back = held(asked); back > 0; back--) {
        struct stratum_id here = id_at(asked, place(asked, back));
        if (asked->answered[place(asked, back)] || !stratum_id_equal(&here, id))
            continue;
        asked->answered[place(asked, back)] = true;
        return;
    }
}

enum stratum_unasked stratum_asked_why(const struct stratum_asked *asked,
                                       const struct stratum_id *id)
{
    enum stratum_unasked why = STRATUM_UNASKED_UNKNOWN;
    for (unsigned back = 1; back <= held(asked) && id->type != STRATUM_ID_ABSENT; back++) {
        struct stratum_id here = id_at(asked, place(asked, back));
        if (stratum_id_equal(&here, id))
            return asked->answered[place(asked, back)] ? STRATUM_UNASKED_REPEATED
                                                       : STRATUM_UNASKED_LATE;
        if (stratum_id_is_spelled(&here, id) || stratum_id_is_spelled(id, &here))
            why = STRATUM_UNASKED_TYPE;
    }
    return why;
}
