/* session_find.c - see session_find.h. */
#include "api/session_find.h"

#include <string.h>

#include "api/rest.h"
#include "api/session_view.h"
#include "lib/capture/ring.h"

enum session_presence session_presence(const struct query_place *place, const struct uuid *session)
{
    enum session_presence presence = SESSION_UNKNOWN;
    struct ring_reader *ring;
    struct session_info info;
    if (ring_reader_open(&ring, place->ring_path, NULL) != STATUS_OK)
        return SESSION_UNKNOWN;
    uint32_t slots = ring_reader_slots(ring);
    for (uint32_t slot = 0; slot < slots && presence == SESSION_UNKNOWN; slot++) {
        if (ring_reader_session(ring, slot, &info) == STATUS_OK &&
            uuid_equal(&info.session, session))
            presence = info.state == SESSION_CLOSED ? SESSION_IS_CLOSED : SESSION_IS_OPEN;
    }
    ring_reader_close(ring);
    return presence;
}

/* Files that ended before the session began need not be opened. */
static enum status look(const struct rest *rest, const struct uuid *id, struct session_found *out,
                        struct error *err)
{
    struct query_sessions_options options = {
        .place = rest->place,
        .filter = {.sessions = id, .session_count = 1, .from_ns = session_begin_ns(id)}};
    enum status status = query_sessions_open(&out->listing, &options, err);
    if (status != STATUS_OK)
        return status;
    status = query_sessions_next(out->listing, &out->session, err);
    if (status == STATUS_END)
        return error_set(err, STATUS_NOT_FOUND, "there is no such session");
    return status;
}

bool session_find(struct request *request, struct session_found *out)
{
    struct uuid id;
    struct error err = {""};
    *out = (struct session_found){.listing = NULL};
    if (!uuid_parse(&id, request->id, strlen(request->id))) {
        reply_error(request, 404, "there is no session '%s'", request->id);
        return false;
    }
    enum status status = look(request->rest, &id, out, &err);
    if (status == STATUS_OK)
        return true;
    session_found_close(out);
    reply_failure(request, status, &err);
    return false;
}

void session_found_close(struct session_found *found)
{
    query_sessions_close(found->listing);
    found->listing = NULL;
}
