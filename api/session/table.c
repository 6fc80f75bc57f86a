/* table.c - see table.h. Nothing fails. */
#include "api/session/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define LISTS      16384u
#define LEARN_NS   (300 * NS_PER_MS) /* at most, for one lookup */
#define ENDED_NS   (150 * NS_PER_MS) /* for all that have ended, of one list */
#define ENDED_ROWS 100u              /* of each: what is looked for is agreed at the beginning */
#define WAIT_NS    (2 * NS_PER_S)    /* before what was not found is looked up again; then */
#define WAIT_MAX   (600 * NS_PER_S)  /* twice as long each time, up to this */

struct entry {
    struct session_name name;
    struct session_view view;
    bool ended;              /* it was only looked up: it goes before all that were heard of */
    size_t counted;          /* bytes, in those of the table */
    int64_t ask_ns, wait_ns; /* monotonic: not looked up before; how long to wait then */
    struct entry *next_hashed;
    TAILQ_ENTRY(entry) age;
};

struct session_table {
    pthread_mutex_t lock;
    uint64_t instance, seed;
    struct entry **hashed; /* LISTS lists */
    TAILQ_HEAD(, entry) by_age;
    size_t count, bytes;
};

struct session_table *session_table_new(void)
{
    struct session_table *table = memory_new(sizeof *table);
    (void)pthread_mutex_init(&table->lock, NULL);
    table->seed = random_u64();
    table->hashed = memory_new(LISTS * sizeof(struct entry *));
    TAILQ_INIT(&table->by_age);
    return table;
}

/* ---- the table ---- */

static struct entry **list_of(const struct session_table *table, const struct session_name *name)
{
    uint64_t hash = hash_bytes(table->seed ^ name->series, &name->session, sizeof name->session);
    return &table->hashed[hash % LISTS];
}

static struct entry *find(const struct session_table *table, const struct session_name *name)
{
    struct entry *entry = *list_of(table, name);
    while (entry && (entry->name.series != name->series ||
                     !uuid_equal(&entry->name.session, &name->session)))
        entry = entry->next_hashed;
    return entry;
}

static void entry_free(struct entry *entry)
{
    session_view_close(&entry->view);
    free(entry);
}

static void drop(struct session_table *table, struct entry *entry)
{
    struct entry **at = list_of(table, &entry->name);
    while (*at != entry)
        at = &(*at)->next_hashed;
    *at = entry->next_hashed;
    TAILQ_REMOVE(&table->by_age, entry, age);
    table->count--;
    table->bytes -= entry->counted;
    entry_free(entry);
}

/* For one more, or for what `kept` has grown by. */
static void make_room(struct session_table *table, const struct entry *kept)
{
    struct entry *next;
    for (struct entry *entry = TAILQ_FIRST(&table->by_age); entry && entry != kept; entry = next) {
        if (table->count < SESSION_TABLE_MAX && table->bytes <= SESSION_TABLE_BYTES)
            break;
        next = TAILQ_NEXT(entry, age);
        drop(table, entry);
    }
}

static void count_bytes(struct session_table *table, struct entry *entry)
{
    size_t now = sizeof *entry - sizeof entry->view + session_view_bytes(&entry->view);
    table->bytes += now - entry->counted;
    entry->counted = now;
}

static struct entry *add(struct session_table *table, const struct session_name *name, bool ended)
{
    struct entry *entry = memory_new(sizeof *entry);
    entry->name = *name;
    entry->ended = ended;
    entry->next_hashed = *list_of(table, name);
    *list_of(table, name) = entry;
    if (ended)
        TAILQ_INSERT_HEAD(&table->by_age, entry, age);
    else
        TAILQ_INSERT_TAIL(&table->by_age, entry, age);
    table->count++;
    count_bytes(table, entry);
    return entry;
}

static struct entry *get(struct session_table *table, const struct session_name *name)
{
    struct entry *entry = find(table, name);
    if (!entry) {
        make_room(table, NULL);
        return add(table, name, false);
    }
    entry->ended = false;
    TAILQ_REMOVE(&table->by_age, entry, age);
    TAILQ_INSERT_TAIL(&table->by_age, entry, age);
    return entry;
}

/* NULL: the table is full of sessions that were heard of. */
static struct entry *get_ended(struct session_table *table, const struct session_name *name)
{
    struct entry *entry = find(table, name), *first = TAILQ_FIRST(&table->by_age);
    if (entry)
        return entry;
    bool full = table->count >= SESSION_TABLE_MAX || table->bytes > SESSION_TABLE_BYTES;
    if (full && (!first || !first->ended))
        return NULL;
    if (full)
        drop(table, first);
    return add(table, name, true);
}

static void empty(struct session_table *table)
{
    struct entry *next;
    for (struct entry *entry = TAILQ_FIRST(&table->by_age); entry; entry = next) {
        next = TAILQ_NEXT(entry, age);
        entry_free(entry);
    }
    TAILQ_INIT(&table->by_age);
    memset((void *)table->hashed, 0, LISTS * sizeof(struct entry *));
    table->count = table->bytes = 0;
}

void session_table_free(struct session_table *table)
{
    if (!table)
        return;
    empty(table);
    (void)pthread_mutex_destroy(&table->lock);
    free((void *)table->hashed);
    free(table);
}

/* ---- the feed ---- */

/* Rows were overwritten before they were read: whose they were is not known. */
static void doubt(struct session_table *table)
{
    struct entry *entry;
    TAILQ_FOREACH(entry, &table->by_age, age)
    entry->view.whole = false;
}

void session_table_add(struct session_table *table, const struct query_row *row)
{
    struct session_step step = {.scratch = {0}};
    struct session_name name = {.series = 0};
    (void)pthread_mutex_lock(&table->lock);
    if (row->instance != table->instance) {
        empty(table);
        table->instance = row->instance;
    }
    if (row->missed)
        doubt(table);
    if (row->line.session.data &&
        uuid_parse(&name.session, row->line.session.data, row->line.session.len)) {
        struct entry *entry = get(table, &name);
        if (row->line.seq > entry->view.last_seq) /* a ring that is read again repeats nothing */
            session_view_add(&entry->view, &row->line, &step);
        count_bytes(table, entry);
        if (table->bytes > SESSION_TABLE_BYTES)
            make_room(table, entry);
    }
    (void)pthread_mutex_unlock(&table->lock);
    buffer_close(&step.scratch);
}

/* ---- readers ---- */

void session_table_facts(struct session_table *table, struct session_table_facts *out)
{
    (void)pthread_mutex_lock(&table->lock);
    *out = (struct session_table_facts){.sessions = table->count, .bytes = table->bytes};
    (void)pthread_mutex_unlock(&table->lock);
}

const struct session_view *session_table_borrow(struct session_table *table,
                                                const struct session_name *name)
{
    (void)pthread_mutex_lock(&table->lock);
    const struct entry *entry = find(table, name);
    return entry ? &entry->view : NULL;
}

void session_table_return(struct session_table *table)
{
    (void)pthread_mutex_unlock(&table->lock);
}

bool session_table_key(struct session_table *table, const struct uuid *session,
                       char out[OPERATOR_KEY_MAX])
{
    const struct session_name name = {.session = *session};
    (void)pthread_mutex_lock(&table->lock);
    const struct entry *entry = find(table, &name);
    const struct session_view *view = entry ? &entry->view : NULL;
    bool known = view && (view->worker_count > 0 || view->peer.data);
    if (known)
        operator_key(out,
                     view->worker_count > 0 ? view->workers[view->worker_count - 1] : span_text(""),
                     view->peer.data ? view->peer : span_text(""));
    (void)pthread_mutex_unlock(&table->lock);
    return known;
}

/* ---- looking up ---- */

/* Those that are not known well. `from_ns`: none of them is older. */
static size_t choose(struct session_table *table, uint64_t series, const struct uuid *sessions,
                     size_t count, bool ended, struct uuid *out, int64_t *from_ns)
{
    size_t chosen = 0;
    int64_t now_ns = clock_mono_ns();
    (void)pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < count; i++) {
        const struct session_name name = {series, sessions[i]};
        struct entry *entry = ended ? get_ended(table, &name) : get(table, &name);
        if (!entry || entry->view.taught || entry->ask_ns > now_ns)
            continue;
        int64_t begin_ns = session_begin_ns(&sessions[i]);
        *from_ns = chosen == 0 || begin_ns < *from_ns ? begin_ns : *from_ns;
        out[chosen++] = sessions[i];
        entry->wait_ns = entry->wait_ns == 0             ? WAIT_NS
                         : 2 * entry->wait_ns < WAIT_MAX ? 2 * entry->wait_ns
                                                         : WAIT_MAX;
        entry->ask_ns = now_ns + entry->wait_ns;
    }
    (void)pthread_mutex_unlock(&table->lock);
    return chosen;
}

static bool take_state(struct session_table *table, uint64_t series,
                       const struct segment_line *line)
{
    struct session_name name = {.series = series};
    if (!uuid_parse(&name.session, line->session.data ? line->session.data : "", line->session.len))
        return false;
    (void)pthread_mutex_lock(&table->lock);
    struct entry *entry = find(table, &name);
    bool news = entry && !entry->view.taught;
    if (news) {
        session_view_take_state(&entry->view, line);
        count_bytes(table, entry);
    }
    (void)pthread_mutex_unlock(&table->lock);
    return news;
}

/* State lines, the newest first: each file that begins while the session is open has one. */
static size_t read_states(struct session_table *table, struct query_options *options,
                          int64_t until_ns)
{
    struct query *query;
    struct query_row row;
    size_t left = options->filter.session_count;
    options->order = QUERY_NEWEST_FIRST;
    options->filter.what = QUERY_STATES;
    if (query_open(&query, options, NULL) != STATUS_OK)
        return left;
    while (left > 0 && clock_mono_ns() < until_ns && query_next(query, &row, NULL) == STATUS_OK)
        left -= take_state(table, options->place.series, &row.line);
    query_close(query);
    return left;
}

struct beginning {
    const struct uuid *sessions;
    struct session_view *views;
    size_t count, left;
    size_t rows; /* read so far */
};

static void read_line(struct beginning *beginning, const struct segment_line *line)
{
    struct session_step step = {.scratch = {0}};
    struct uuid session;
    size_t i = 0;
    if (!uuid_parse(&session, line->session.data ? line->session.data : "", line->session.len))
        return;
    while (i < beginning->count && !uuid_equal(&session, &beginning->sessions[i]))
        i++;
    if (i == beginning->count)
        return;
    struct session_view *view = &beginning->views[i];
    bool known = view->difficulty > 0;
    session_view_add(view, line, &step);
    buffer_close(&step.scratch);
    beginning->left -= !known && view->difficulty > 0;
}

/* What is only in the file in which the session began: the lines from there on, until each has been
 * given a difficulty, which ends what is agreed at the beginning. */
static void read_beginnings(struct session_table *table, struct query_options *options,
                            int64_t until_ns, size_t rows)
{
    struct beginning beginning = {options->filter.sessions, NULL, options->filter.session_count,
                                  options->filter.session_count, 0};
    struct query *query;
    struct query_row row;
    options->order = QUERY_OLDEST_FIRST;
    options->filter.what = 0;
    if (query_open(&query, options, NULL) != STATUS_OK)
        return;
    beginning.views = memory_new(beginning.count * sizeof *beginning.views);
    while (beginning.left > 0 && beginning.rows++ < rows && clock_mono_ns() < until_ns &&
           query_next(query, &row, NULL) == STATUS_OK)
        read_line(&beginning, &row.line);
    query_close(query);
    (void)pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < beginning.count; i++) {
        const struct session_name name = {options->place.series, beginning.sessions[i]};
        struct entry *entry = find(table, &name);
        if (entry && !entry->view.taught) {
            session_view_fill(&entry->view, &beginning.views[i]);
            entry->view.taught = beginning.views[i].difficulty > 0;
            count_bytes(table, entry);
        }
        session_view_close(&beginning.views[i]);
    }
    (void)pthread_mutex_unlock(&table->lock);
    free(beginning.views);
}

void session_table_take(struct session_table *table, const struct query_place *place,
                        const struct uuid *sessions, size_t count)
{
    struct uuid *chosen = memory_new((count + 1) * sizeof *chosen);
    struct query_options options = {.place = *place};
    int64_t until_ns = clock_mono_ns() + LEARN_NS;
    options.filter.sessions = chosen;
    options.filter.session_count =
        choose(table, place->series, sessions, count, false, chosen, &options.filter.from_ns);
    if (options.filter.session_count > 0 && read_states(table, &options, until_ns) > 0)
        read_beginnings(table, &options, until_ns + LEARN_NS, SIZE_MAX);
    free(chosen);
}

void session_table_take_ended(struct session_table *table, const struct query_place *place,
                              const struct uuid *sessions, size_t count)
{
    int64_t until_ns = clock_mono_ns() + ENDED_NS;
    for (size_t i = 0; i < count && clock_mono_ns() < until_ns; i++) {
        struct uuid chosen;
        struct query_options options = {.place = *place};
        options.filter.sessions = &chosen;
        options.filter.session_count =
            choose(table, place->series, &sessions[i], 1, true, &chosen, &options.filter.from_ns);
        if (options.filter.session_count > 0)
            read_beginnings(table, &options, until_ns, ENDED_ROWS);
    }
}
