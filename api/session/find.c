/* find.c - see find.h. */
#include "api/session/find.h"

#include <stdlib.h>
#include <string.h>

#include "api/request/rest.h"
#include "api/session/view.h"
#include "lib/archive/series_list.h"
#include "lib/ring/ring.h"

enum session_presence session_presence(const struct query_place *place, const struct uuid *session)
{
    enum session_presence wanted = SESSION_UNKNOWN;
    struct ring_reader *ring;
    struct session_info info;
    if (ring_reader_open(&ring, place->ring_path, NULL) != STATUS_OK)
        return SESSION_UNKNOWN;
    uint32_t slots = ring_reader_slots(ring);
    for (uint32_t slot = 0; slot < slots && wanted == SESSION_UNKNOWN; slot++) {
        if (ring_reader_session(ring, slot, &info) == STATUS_OK &&
            uuid_equal(&info.session, session))
            wanted = info.state == SESSION_CLOSED ? SESSION_IS_CLOSED : SESSION_IS_OPEN;
    }
    ring_reader_close(ring);
    return wanted;
}

/* Files that ended before the session began need not be opened. */
static enum status look(const struct uuid *id, struct session_found *out, struct error *err)
{
    struct query_sessions_options options = {
        .place = out->place,
        .filter = {.sessions = id, .session_count = 1, .from_ns = session_begin_ns(id)}};
    enum status status = query_sessions_open(&out->listing, &options, err);
    if (status != STATUS_OK)
        return status;
    status = query_sessions_next(out->listing, &out->session, err);
    if (status == STATUS_END)
        return error_set(err, STATUS_NOT_FOUND, "there is no such session");
    return status;
}

/* STATUS_NOT_FOUND: none has it. */
static enum status look_into_imports(const struct uuid *id, struct session_found *out,
                                     struct error *err)
{
    struct series_entry *all;
    size_t count;
    enum status status = series_list(out->place.data_dir, &all, &count, err);
    if (status == STATUS_OK)
        status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < count && status == STATUS_NOT_FOUND; i++) {
        session_found_close(out);
        out->place.series = all[i].instance;
        status = look(id, out, err);
    }
    free(all);
    return status;
}

static const struct parameters *series_of(const struct request *request)
{
    const struct parameters *given = &request->parameters;
    for (size_t i = 0; i < given->count; i++) {
        if (strcmp(given->known[i].name, "series") == 0)
            return given->values[i].given ? given : NULL;
    }
    return NULL;
}

/* Nothing but reading is done to an import. */
static enum status find(const struct request *request, const struct uuid *id,
                        struct session_found *out, struct error *err)
{
    const struct parameters *given = series_of(request);
    enum status status = STATUS_OK;
    out->place = request->rest->place;
    if (given)
        status = request_place(request, given, &out->place, err);
    if (status == STATUS_OK)
        status = look(id, out, err);
    if (status == STATUS_NOT_FOUND && !given && strcmp(request->method, "GET") == 0 &&
        look_into_imports(id, out, err) == STATUS_OK)
        return STATUS_OK;
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
    enum status status = find(request, &id, out, &err);
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
