/*
 * find.h - one session by the id in a request's path, wherever it stands: in the
 * recorder's own series, else in the newest import that has it; where the request has a parameter
 * `series`, in that one alone.
 */
#ifndef HASHSCOPE_API_SESSION_FIND_H
#define HASHSCOPE_API_SESSION_FIND_H

#include "api/request/request.h"
#include "lib/query/query.h"

/* The listing holds the session's texts: to be closed by the caller. */
struct session_found {
    struct query_session session;
    struct query_place place; /* where it was found */
    struct query_sessions *listing;
};

/* False: it has been answered, 404 when there is no such session. */
bool session_find(struct request *request, struct session_found *out);
void session_found_close(struct session_found *found);

enum session_presence { SESSION_UNKNOWN, SESSION_IS_OPEN, SESSION_IS_CLOSED };
/* The same of the ring's table alone: quick, and says nothing of sessions that left it. */
enum session_presence session_presence(const struct query_place *place, const struct uuid *session);

#endif
