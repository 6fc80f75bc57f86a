/*
 * proxy_loop.h - notices when a pool turns out to be this recorder itself: a name that resolves to
 * us. The settings show the rest before the start (config_proxy_loop.c).
 *
 * The pool's end of one session is then the miner's end of another: one connection, both of whose
 * ends have the same addresses and ports here and there. Which of the two is noticed first does not
 * matter; both are looked for. That a route leads to another one is no fault, but when it comes to
 * a route where it was already, both sessions are closed with the reason. A port that is forwarded
 * to us and a relay between us that opens connections of its own hide this.
 *
 * Only connections within one host are looked at, and of those only such whose port is in use on
 * the other side too; the ports are counted. Threads: the relay's.
 */
#ifndef HASHSCOPE_RECORDER_PROXY_LOOP_H
#define HASHSCOPE_RECORDER_PROXY_LOOP_H

#include <stdint.h>
#include <sys/socket.h>

struct recorder;
struct session;

/* How many sessions have this port at the other end (miners), at our own end (pools). Zeroed: none.
 */
struct proxy_loop_ports {
    uint16_t miners[65536], pools[65536];
};

#define PROXY_LOOP_REASON_MAX 120

/* The session's miner is connected. NULL, or it is ourselves: the session whose pool it is. Then
 * that has been logged and counted, and both are to be closed with `reason`. */
struct session *proxy_loop_accepted(struct session *session, const struct sockaddr_storage *local,
                                    const struct sockaddr_storage *peer,
                                    char reason[PROXY_LOOP_REASON_MAX]);
/* The same of its pool: the session whose miner it is. */
struct session *proxy_loop_dialed(struct session *session, char reason[PROXY_LOOP_REASON_MAX]);
/* The pool's stream, or both, are gone. */
void proxy_loop_forget_pool(struct session *session);
void proxy_loop_forget(struct session *session);

#endif
