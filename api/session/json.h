/*
 * json.h - the session object: what the API says of one session, in lists and alone. Every
 * member is always there; null where nothing is known.
 *
 * Reads the clock; else pure. Threads: any.
 */
#ifndef HASHSCOPE_API_SESSION_JSON_H
#define HASHSCOPE_API_SESSION_JSON_H

#include "api/session/operator_state.h"
#include "api/session/view.h"

struct session_source {
    uint64_t series; /* of an import; 0: the recorder's own */
    const struct query_session *session;
    const struct session_view *view; /* NULL: its messages were not seen */
    bool counted;                    /* the view's counts include everything */
    struct operator_choice choice;
};

/* Whether the counts of the view say more than those of the listing. */
bool session_is_counted(const struct query_session *session, const struct session_view *view);
/* Under which name the choices for this session are kept. */
void session_operator_key(char out[OPERATOR_KEY_MAX], const struct query_session *session,
                          const struct session_view *view);
/* The members, without the braces. */
void session_write(struct buffer *out, const struct session_source *source);

#endif
