/* wanted.c - the front knows its clients by the ports of their connections to the server. */
#include "api/rest/wanted.h"

#include <civetweb.h>

#include "api/front/front.h"
#include "api/request/rest.h"

void wanted_begin(struct wanted *wanted, const struct request *request, int64_t most_ns)
{
    int64_t now = clock_mono_ns();
    *wanted = (struct wanted){.request = request,
                              .deadline_ns = most_ns ? now + most_ns : 0,
                              .looked_ns = now,
                              .sent_ns = now};
}

bool wanted_is_gone(const struct wanted *wanted)
{
    const struct request *request = wanted->request;
    const struct mg_request_info *info = mg_get_request_info(request->connection);
    struct front_peer peer;
    if (request->gone || request->rest->stopping ||
        !front_peer(request->rest->front, (uint16_t)info->remote_port, &peer) ||
        peer.connection != request->peer.connection)
        return true;
    return peer.ended && clock_mono_ns() - wanted->sent_ns > PRESENCE_SILENT_NS;
}

bool wanted_is_over(void *user)
{
    struct wanted *wanted = user;
    int64_t now = clock_mono_ns();
    if (wanted->over || now - wanted->looked_ns < PRESENCE_LOOK_NS)
        return wanted->over;
    wanted->looked_ns = now;
    if (wanted->request->sent != wanted->sent) {
        wanted->sent = wanted->request->sent;
        wanted->sent_ns = now;
    }
    wanted->over = (wanted->deadline_ns && now > wanted->deadline_ns) || wanted_is_gone(wanted);
    return wanted->over;
}
