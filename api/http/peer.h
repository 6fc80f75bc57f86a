/*
 * peer.h - who is at the other end of a connection from outside. A plain value.
 */
#ifndef HASHSCOPE_API_HTTP_PEER_H
#define HASHSCOPE_API_HTTP_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct front_peer {
    struct sockaddr_storage address; /* of the client */
    char text[64];                   /* "192.0.2.7:52114" */
    uint64_t connection;             /* its number */
    bool tls;
    bool ended; /* it has closed its side: most that do have gone */
};

#endif
