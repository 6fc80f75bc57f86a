/* live.c - adding rows, letting the oldest go, and finding them again. */
#include "api/live/live.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/live/live_private.h"
#include "api/live/message.h"
#include "api/live/message_filter.h"
#include "lib/base/memory.h"

struct live *live_new(size_t messages, size_t per_session, uint64_t bytes)
{
    struct live *live = memory_new(sizeof *live);
    pthread_rwlockattr_t kind;
    (void)pthread_rwlockattr_init(&kind);
    (void)pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&live->lock, &kind);
    (void)pthread_rwlockattr_destroy(&kind);
    live->seed = random_u64();
    live->capacity = messages;
    live->per_session = per_session;
    live->most_bytes = bytes;
    live->slots = messages + messages / 4 + 1;
    live->entries = memory_new(live->slots * sizeof *live->entries);
    live->hashed = memory_new(LIVE_SESSIONS * sizeof(struct live_session *));
    return live;
}

/* ---- letting go ---- */

/* What a message takes, with all that goes along with it. */
static uint64_t cost_of(size_t len)
{
    return sizeof(struct live_entry) + LIVE_OVERHEAD + len;
}

static void weigh(struct live *live, struct live_session *session, uint64_t bytes)
{
    session->bytes += bytes; /* modulo 2^64, to take away */
    live->bytes += bytes;
}

/* The oldest message of the session. */
static void take_away(struct live *live, struct live_session *session)
{
    struct live_entry *entry = live_entry(live, session->oldest);
    uint64_t own = sizeof *session + LIVE_OVERHEAD;
    session->oldest = entry->behind;
    if (entry->behind == LIVE_NONE)
        session->newest = LIVE_NONE;
    else
        live_entry(live, entry->behind)->before = LIVE_NONE;
    session->count--;
    weigh(live, session, -cost_of(entry->len) - (session->count == 0 ? own : 0));
    live->held--;
    free(entry->line);
    entry->line = NULL;
    while (live->first < live->next && !live_entry(live, live->first)->line)
        live->first++;
}

static void take_oldest(struct live *live)
{
    struct live_session *session = live_entry(live, live->first)->session;
    take_away(live, session);
    live_session_settle(live, session, false);
}

/* Those that hold most have their turns. */
static void make_room(struct live *live, uint64_t bytes)
{
    while (live->held > 0 && live->bytes + bytes > live->most_bytes) {
        struct live_session *session = live_session_heaviest(live);
        take_away(live, session);
        live_session_settle(live, session, true);
    }
}

static void append_to_chain(struct live *live, uint64_t place)
{
    struct live_entry *entry = live_entry(live, place);
    struct live_session *session = entry->session;
    entry->before = session->newest;
    entry->behind = LIVE_NONE;
    if (session->newest == LIVE_NONE)
        session->oldest = place;
    else
        live_entry(live, session->newest)->behind = place;
    session->newest = place;
}

/* The messages move together over what was taken away between them: at least a fifth of the places
 * is free then, so each message is moved a few times at most. */
static void squeeze(struct live *live)
{
    uint64_t to = live->first;
    for (unsigned i = 1; i < LIVE_LISTS; i++) {
        for (struct live_session *at = live->lists[i].first; at; at = at->behind)
            at->oldest = at->newest = LIVE_NONE;
    }
    for (uint64_t place = live->first; place < live->next; place++) {
        struct live_entry *entry = live_entry(live, place);
        if (!entry->line)
            continue;
        *live_entry(live, to) = *entry;
        append_to_chain(live, to++);
    }
    live->next = to;
}

static void empty(struct live *live)
{
    while (live->held > 0)
        take_oldest(live);
    live->first = live->next = 0;
    live_sessions_free(live);
}

void live_free(struct live *live)
{
    if (!live)
        return;
    empty(live);
    (void)pthread_rwlock_destroy(&live->lock);
    free((void *)live->hashed);
    free(live->entries);
    free(live);
}

/* ---- adding ---- */

uint64_t live_place(const struct live *live, uint64_t seq)
{
    uint64_t low = live->first, high = live->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (live_entry(live, middle)->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct live_entry *entry_of(const struct live *live, uint64_t seq)
{
    uint64_t place = live_place(live, seq);
    struct live_entry *entry = place < live->next ? live_entry(live, place) : NULL;
    return entry && entry->line && entry->seq == seq ? entry : NULL;
}

static void note_message(struct live_entry *entry, const struct query_row *row)
{
    struct message_facts facts;
    struct buffer scratch = {0};
    struct span bytes;
    if (query_row_bytes(row, &scratch, &bytes) != STATUS_OK)
        bytes = span_text("");
    message_facts_read(&facts, row, bytes);
    entry->method = (uint8_t)facts.method;
    entry->error = facts.error;
    buffer_close(&scratch);
}

static void make_place(struct live *live, struct live_session *session, uint64_t bytes)
{
    if (live->held == live->capacity)
        take_oldest(live);
    if (session->count >= live->per_session) {
        take_away(live, session);
        live_session_settle(live, session, false);
    }
    make_room(live, bytes);
    if (live->next - live->first == live->slots)
        squeeze(live);
}

static void add_message(struct live *live, const struct query_row *row,
                        struct live_session *session)
{
    const struct segment_line *line = &row->line;
    uint64_t bytes = cost_of(line->text.len);
    make_place(live, session, bytes);
    struct live_entry *entry = live_entry(live, live->next);
    *entry = (struct live_entry){
        .seq = line->seq,
        .line = memory_text_n(line->text.data, line->text.len),
        .len = (uint32_t)line->text.len,
        .msg = line->msg.data ? (uint32_t)(line->msg.data - line->text.data) : 0,
        .wall_ns = line->wall_ns,
        .session = session,
        .direction = (uint8_t)line->direction,
    };
    note_message(entry, row);
    struct live_entry *request = line->paired ? entry_of(live, line->re) : NULL;
    if (request) {
        request->answer = line->seq;
        entry->answered = request->method;
    }
    append_to_chain(live, live->next);
    weigh(live, session, bytes + (session->count == 0 ? sizeof *session + LIVE_OVERHEAD : 0));
    session->count++;
    live->next++;
    live->held++;
    live_session_settle(live, session, false);
}

/* Who the miner is stands in the event `opened`. */
static void learn_peer(struct live_session *session, struct span text)
{
    json_t *tree = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
    const char *miner = json_string_value(json_object_get(tree, "miner"));
    if (miner)
        (void)snprintf(session->peer, sizeof session->peer, "%s", miner);
    json_decref(tree);
}

void live_add(struct live *live, const struct query_row *row)
{
    struct uuid uuid;
    if (!uuid_parse(&uuid, row->line.session.data ? row->line.session.data : "",
                    row->line.session.len))
        return;
    (void)pthread_rwlock_wrlock(&live->lock);
    if (row->instance != live->instance) {
        empty(live);
        live->instance = row->instance;
    }
    struct live_session *session = live_session_get(live, &uuid);
    live->strangers = live->strangers || (!session->peer[0] && row->line.is_message);
    if (row->line.is_message &&
        (live->next == live->first || live_entry(live, live->next - 1)->seq < row->line.seq))
        add_message(live, row, session);
    else if (span_equal_text(row->line.event, "opened"))
        learn_peer(session, row->line.text);
    (void)pthread_rwlock_unlock(&live->lock);
}

/* ---- finding ---- */

static void complete_row(const struct live *live, struct page *page, struct page_row *row)
{
    struct segment_line line;
    struct span text = page_line(page, row);
    struct uuid uuid;
    if (segment_line_parse(&line, text.data, text.len) != STATUS_OK)
        return;
    const struct live_entry *entry = entry_of(live, row->seq);
    const struct live_entry *answer = entry && entry->answer ? entry_of(live, entry->answer) : NULL;
    const struct live_entry *request = line.paired ? entry_of(live, line.re) : NULL;
    const struct live_session *session = NULL;
    if (uuid_parse(&uuid, line.session.data, line.session.len))
        session = live_session_find(live, &uuid);
    if (session)
        memcpy(row->peer, session->peer, sizeof row->peer);
    if (request)
        row->answered = (enum stratum_method)request->method;
    else if (entry)
        row->answered = (enum stratum_method)entry->answered;
    if (answer && !row->answer_len)
        page_set_answer(page, row, span_make(answer->line, answer->len));
}

void live_complete(struct live *live, struct page *page)
{
    (void)pthread_rwlock_rdlock(&live->lock);
    for (size_t i = 0; i < page->count && live->instance == page->instance; i++)
        complete_row(live, page, &page->rows[i]);
    (void)pthread_rwlock_unlock(&live->lock);
}

bool live_find(struct live *live, uint64_t instance, uint64_t seq, struct page *page)
{
    (void)pthread_rwlock_rdlock(&live->lock);
    const struct live_entry *entry = live->instance == instance ? entry_of(live, seq) : NULL;
    page->instance = instance;
    if (entry && page_add(page, span_make(entry->line, entry->len), seq))
        complete_row(live, page, &page->rows[page->count - 1]);
    (void)pthread_rwlock_unlock(&live->lock);
    return entry != NULL;
}

void live_write_row(struct live *live, struct buffer *out, const struct query_row *row)
{
    struct message_source source = {
        .instance = row->instance, .line = row->line.text, .masked = true};
    struct uuid uuid;
    (void)pthread_rwlock_rdlock(&live->lock);
    const struct live_entry *entry = entry_of(live, row->line.seq);
    const struct live_session *session = NULL;
    if (uuid_parse(&uuid, row->line.session.data, row->line.session.len))
        session = live_session_find(live, &uuid);
    char peer[PAGE_PEER_BYTES] = "";
    if (session)
        memcpy(peer, session->peer, sizeof peer);
    if (entry)
        source.answered = (enum stratum_method)entry->answered;
    (void)pthread_rwlock_unlock(&live->lock);
    source.peer = peer;
    message_write(out, &source);
}

void live_facts(struct live *live, struct live_facts *out)
{
    (void)pthread_rwlock_rdlock(&live->lock);
    *out = (struct live_facts){.messages = live->held,
                               .bytes = live->bytes,
                               .messages_most = live->capacity,
                               .bytes_most = live->most_bytes,
                               .sessions = live->sessions,
                               .instance = live->instance};
    if (live->next > live->first) {
        out->first_seq = live_entry(live, live->first)->seq;
        out->last_seq = live_entry(live, live->next - 1)->seq;
    }
    (void)pthread_rwlock_unlock(&live->lock);
}
