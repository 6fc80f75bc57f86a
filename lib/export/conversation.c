/*
 * conversation.c - what a session's connections are made of besides messages: whom they join, how
 * they begin, and how they end. Nothing can fail: what is not known is made up, and said to be.
 */
#include <string.h>

#include "lib/export/comment.h"
#include "lib/export/export_private.h"
#include "lib/record/json_slice.h"

#define UNKNOWN_PORT 3333

/* 192.0.2.0/24 is for documentation, RFC 5737. */
static struct packet_address unknown_address(const struct export_session *session, uint8_t host)
{
    uint16_t port = (uint16_t)(hash_bytes(0, session->id, sizeof session->id) | 0x8000);
    return (struct packet_address){.ip = {192, 0, 2, host},
                                   .port = host == 2 ? (uint16_t)UNKNOWN_PORT : port};
}

static struct packet_address known_or(const struct packet_address *address,
                                      const struct export_session *session, uint8_t host)
{
    return address->port != 0 ? *address : unknown_address(session, host);
}

/* Who connects to whom. */
static void choose_ends(const struct export *job, const struct export_session *session, int flow,
                        struct packet_address ends[2])
{
    bool both = job->options.sides == EXPORT_SIDES_BOTH;
    if (flow == 1) {
        ends[0] = known_or(&session->local, session, 3);
        ends[1] = known_or(&session->pool, session, 2);
        return;
    }
    ends[0] = known_or(&session->miner, session, 1);
    ends[1] =
        known_or(both || session->pool.port == 0 ? &session->listen : &session->pool, session, 2);
}

/* ------------------------------------------------------------------ comments */

static void append_line(struct buffer *out, struct span text, int64_t packet_ns)
{
    struct segment_line line;
    if (segment_line_parse(&line, text.data, text.len) == STATUS_OK)
        comment_append_event(out, line.text, line.wall_ns, packet_ns);
}

static void begin_comment(struct buffer *out, const char *prose, struct span line,
                          const struct export_session *session, int64_t packet_ns)
{
    buffer_clear(out);
    buffer_append_text(out, prose);
    if (line.data != NULL)
        append_line(out, line, packet_ns);
    else
        buffer_append_format(out, "session=%.36s", session->id);
}

static bool began_earlier(const struct export_session *session, int64_t time_ns)
{
    return session->opened_us != time_ns / NS_PER_US;
}

static const char *syn_prose(const struct export_session *session, int flow, int64_t time_ns)
{
    return flow == 0 && began_earlier(session, time_ns)
               ? "synthesised handshake of a session that began earlier: "
               : "synthesised handshake: ";
}

/* ------------------------------------------------------------------ names */

/* Whether the pool has a name that is not its address; its first part, without the port. */
static bool host_name(struct span connected, struct span *out)
{
    struct span whole;
    struct packet_address literal;
    if (!json_member(connected, "pool", &whole) || !json_is_string(whole) ||
        memchr(whole.data, '\\', whole.len) != NULL)
        return false;
    whole = span_make(whole.data + 1, whole.len - 2);
    const char *colon = whole.len ? memrchr(whole.data, ':', whole.len) : NULL;
    if (colon == NULL || packet_address_parse(&literal, whole) || whole.data[0] == '[')
        return false;
    *out = span_make(whole.data, (size_t)(colon - whole.data));
    return out->len > 0;
}

static bool is_new_name(struct export *job, uint64_t hash)
{
    for (size_t i = 0; i < job->name_count; i++) {
        if (job->names[i] == hash)
            return false;
    }
    if (job->name_count == EXPORT_NAMES)
        return false;
    job->names[job->name_count++] = hash;
    return true;
}

static void write_name(struct export *job, const struct export_session *session, int flow)
{
    struct span line = session->connected.data ? session->connected : session->origin;
    const struct packet_address *address = &session->flow[flow].end[1];
    struct span name;
    if (job->options.format != EXPORT_PCAPNG || session->pool.port == 0 || !host_name(line, &name))
        return;
    uint64_t hash = hash_bytes(0, address->ip, sizeof address->ip);
    if (is_new_name(job, hash_bytes(hash, name.data, name.len)))
        pcapng_append_name(&job->out, address, name);
}

/* ------------------------------------------------------------------ the beginning */

/* So much of each stream came before what is exported of it. */
static void skip_offsets(const struct export *job, struct export_session *session, int flow)
{
    struct packet_flow *at = &session->flow[flow];
    if (job->filters_messages)
        return;
    at->next[0] += (uint32_t)(session->offset[OFFSET_UP] - (flow == 1 ? session->held_payload : 0));
    at->next[1] += (uint32_t)session->offset[OFFSET_DOWN];
}

static void handshake(struct export *job, struct export_session *session, int flow, int64_t time_ns)
{
    bool pool_side = export_interface_of(job, flow) == 1;
    bool one_side = job->options.sides == EXPORT_SIDES_POOL;
    struct buffer comment = {NULL, 0, 0};
    struct export_packet packet = {
        .session = session, .flow = flow, .tcp_flags = TCP_SYN, .time_ns = time_ns};

    begin_comment(&comment, syn_prose(session, flow, time_ns),
                  pool_side && session->connected.data ? session->connected : session->origin,
                  session, time_ns);
    packet.comment = span_make(comment.data, comment.len);
    export_emit(job, &packet);
    packet.end = 1;
    packet.tcp_flags = TCP_SYN | TCP_ACK;
    begin_comment(&comment,
                  "synthesised handshake: ", one_side ? session->connected : span_make(NULL, 0),
                  session, time_ns);
    packet.comment = span_make(comment.data, comment.len);
    export_emit(job, &packet);
    packet.end = 0;
    packet.tcp_flags = TCP_ACK;
    begin_comment(&comment, "synthesised handshake: ", span_make(NULL, 0), session, time_ns);
    packet.comment = span_make(comment.data, comment.len);
    export_emit(job, &packet);
    buffer_close(&comment);
}

void export_conversation_begin(struct export *job, struct export_session *session, int flow,
                               int64_t time_ns)
{
    struct packet_address ends[2];
    bool both = job->options.sides == EXPORT_SIDES_BOTH;
    choose_ends(job, session, flow, ends);
    packet_flow_init(&session->flow[flow], &ends[0], &ends[1], session->opened_us, job->options.mtu,
                     job->options.link == EXPORT_LINK_ETHERNET);
    skip_offsets(job, session, flow);
    session->begun[flow] = true;
    if (!session->counted)
        job->progress.sessions++;
    session->counted = true;
    if (!both || flow == 1)
        write_name(job, session, flow);
    handshake(job, session, flow, time_ns);
    if (session->begun[0] && (!both || session->begun[1]))
        export_session_forget(session);
}

/* ------------------------------------------------------------------ the end */

static bool has_value(const struct segment_line *line, const char *member)
{
    return memmem(line->text.data, line->text.len, member, strlen(member)) != NULL;
}

/* Which end of the flow closed it: the miner's or the pool's as it was; what HashScope ends looks
 * like the other side to each. */
static int closing_end(const struct export *job, const struct segment_line *closed, int flow)
{
    if (job->options.sides == EXPORT_SIDES_POOL)
        return has_value(closed, ",\"by\":\"miner\"") ? 0 : 1;
    if (flow == 0)
        return has_value(closed, ",\"by\":\"miner\"") ? 0 : 1;
    return has_value(closed, ",\"by\":\"pool\"") ? 1 : 0;
}

static void end_flow(struct export *job, struct export_session *session, int flow,
                     const struct segment_line *closed, struct span comment)
{
    int end = closing_end(job, closed, flow);
    bool reset =
        has_value(closed, ",\"reason\":\"reset\"") || has_value(closed, ",\"reason\":\"crash\"");
    struct export_packet packet = {.session = session,
                                   .flow = flow,
                                   .end = end,
                                   .tcp_flags = TCP_ACK | (reset ? TCP_RST : TCP_FIN),
                                   .time_ns = closed->wall_ns,
                                   .comment = comment};
    export_session_skip(session, flow, end);
    export_emit(job, &packet);
    if (reset)
        return;
    packet.comment = span_text("synthesised end");
    packet.end = 1 - end;
    export_session_skip(session, flow, 1 - end);
    export_emit(job, &packet);
    packet.end = end;
    packet.tcp_flags = TCP_ACK;
    export_emit(job, &packet);
}

void export_conversation_end(struct export *job, struct export_session *session,
                             const struct segment_line *closed)
{
    struct buffer comment = {NULL, 0, 0};
    buffer_append_text(&comment, "synthesised end: ");
    comment_append_event(&comment, closed->text, closed->wall_ns, closed->wall_ns);
    for (int flow = 0; flow < 2; flow++) {
        if (session->begun[flow])
            end_flow(job, session, flow, closed, span_make(comment.data, comment.len));
    }
    buffer_close(&comment);
}
