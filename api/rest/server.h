/*
 * server.h - the HTTP server behind the front: finds a request's route, holds it against the rules,
 * calls its handler. civetweb does the HTTP, with a thread per connection, on a port of 127.0.0.1
 * that only the front may use.
 *
 * In this order: who it comes from (front_peer; others get no answer), the rules of rules.h, a
 * place among the heavy ones (503). Then the handler. Every request ends in the access log.
 *
 * Threads: start and stop from one. Handlers run on the server's threads.
 */
#ifndef HASHSCOPE_API_REST_SERVER_H
#define HASHSCOPE_API_REST_SERVER_H

#include "api/request/rest.h"

#define SERVER_THREADS   160
#define SERVER_HEAVY_MAX 64   /* requests at a time that read the archive */
#define SERVER_QUERY_MAX 8192 /* bytes of a query string */

struct server;

/* `rest->front` may be set after this, before the first request comes. */
enum status server_start(struct server **out, const struct rest *rest,
                         struct error *err) MUST_CHECK;
uint16_t server_port(const struct server *server);
void server_stop(struct server *server); /* waits for handlers to end; NULL is fine */

#endif
