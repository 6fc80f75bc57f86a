/*
 * comment.h - the comments of packets: what the recorder knew about a message or an event, both to
 * be read by people and to be read back exactly.
 *
 * Format. A comment (option 1 of an Enhanced Packet Block; a packet may have several) is words with
 * one space between them. A word is `key=value`, or prose without `=` that readers pass over. The
 * keys are those of lines in FORMAT.md, the values too: a string stands bare when it is not empty
 * and has no space, quote, backslash, `=` or control character, else as the JSON string that it was
 * in the line, with its quotes; numbers, true and false stand bare.
 *
 * Messages: on the last packet of a message (packets without a comment in front of it, of the same
 * direction and connection, are its beginning):
 *
 *   seq=813 session=U dir=pool_to_miner re=812 latency_us=41873 method=mining.submit
 *   seq=814 session=U dir=pool_to_miner end="" why="invalid JSON at byte 17"
 *   seq=815 session=U dir=pool_to_miner frag=0 method=mining.notify
 *
 * The keys come in this order: seq session dir re latency_us fwd_us frag last early before method
 * end why. There are those of the line, and `method`: the message's own or, of an answer, that of
 * its request, if that was exported too and not long ago; only with `frag` it is the line's. The
 * packet's time is the line's `ts`. `lost_bytes=N` behind them: so many bytes of this direction are
 * missing in front of the message.
 *
 * Events: all keys of the line in their order, `ts` only when it is not the packet's time. `opened`
 * is on the SYN; `pool_connected` on the SYN-ACK (of both sides: on the SYN of the pool's side);
 * `closed` on the first FIN or RST. A session that began earlier has `state`, with the keys up to
 * `bytes_down` but `ts` and `at`, on the SYN. Events that are no session's (gap, clock_step) are a
 * comment of their own on the next packet, whichever that is; several stand on lines of their own
 * in it. Prose tells what was synthesised.
 *
 *   synthesised handshake: seq=790 session=U event=opened route=main number=3 miner=A …
 *   synthesised handshake: seq=791 session=U event=pool_connected ts=T pool=S address=A …
 *   synthesised end: seq=999 session=U event=closed by=pool reason=reset bytes_up=… bytes_down=…
 *   ts=T at=1005 event=gap lost=37 first_lost=968 bytes=9120 reason="ring overrun"
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_EXPORT_COMMENT_H
#define HASHSCOPE_EXPORT_COMMENT_H

#include "lib/base/bytes.h"
#include "lib/segment/segment.h"

#define COMMENT_MAX 4000 /* longer ones are cut behind a word */

/* Appends the words of an event's line. `packet_ns`: the packet's time. */
void comment_append_event(struct buffer *out, struct span line, int64_t line_ns, int64_t packet_ns);

/* Writes the comment of a message to `out`, which has room for COMMENT_MAX bytes; returns its
 * length. `method` may be empty. */
size_t comment_write_message(char *out, const struct segment_line *line, struct span method,
                             uint64_t lost_bytes);

#endif
