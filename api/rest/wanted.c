/* wanted.c - the front knows its clients by the ports of their connections to the server. */
#include "api/rest/wanted.h"

#include <civetweb.h>

#include "api/front/front.h"
#include "api/request/rest.h"

void presence_begin(struct presence *presence, const struct request *request, int64_t most_ns)
{
    int64_t now = clock_mono_ns();
    *presence = (struct presence){.request = request,
                                  .deadline_ns = most_ns ? now + most_ns : 0,
                                  .looked_ns = now,
                                  .sent_ns = now};
}

bool presence_is_gone(const struct presence *presence)
{
    const struct request *request = presence->request;
    const struct mg_request_info *info = mg_get_request_info(request->connection);
    struct front_peer peer;
    if (request->gone || request->rest->stopping ||
        !front_peer(request->rest->front, (uint16_t)info->remote_port, &peer) ||
        peer.connection != request->peer.connection)
        return true;
    return peer.ended && clock_mono_ns() - presence->sent_ns > PRESENCE_SILENT_NS;
}

bool presence_is_over(void *user)
{
    struct presence *presence = user;
    int64_t now = clock_mono_ns();
    if (presence->over || now - presence->looked_ns < PRESENCE_LOOK_NS)
        return presence->over;
    presence->looked_ns = now;
    if (presence->request->sent != presence->sent) {
        presence->sent = presence->request->sent;
        presence->sent_ns = now;
    }
    presence->over =
        (presence->deadline_ns && now > presence->deadline_ns) || presence_is_gone(presence);
    return presence->over;
}
