/* operator_state.c - see operator_state.h. */
#include "api/session/operator_state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/request/json_out.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#define FILE_NAME    "api-state.json"
#define PATH_ROOM    4096
#define FILE_MAX     (8u << 20) /* bytes that are read; entries are about 100 each */
#define FILE_MODE    0640
#define FILE_VERSION 1

struct operator_state {
    pthread_mutex_t lock;
    char data_dir[PATH_ROOM - 64];
    json_t *entries; /* key: {"broadcast":true,…}; what says nothing is left out */
    atomic_uint repeats;
};

/* ---- entries ---- */

static uint32_t count_of(const json_t *entry, const char *name, uint32_t most)
{
    json_int_t value = json_integer_value(json_object_get(entry, name));
    return value >= 1 && value <= (json_int_t)most ? (uint32_t)value : 1;
}

static struct operator_choice read_entry(const json_t *entry)
{
    return (struct operator_choice){
        .broadcast = json_is_true(json_object_get(entry, "broadcast")),
        .auto_replay = json_is_true(json_object_get(entry, "auto_replay")),
        .repeat_count = count_of(entry, "repeat_count", REPEAT_COUNT_MAX),
        .auto_replay_count = count_of(entry, "auto_replay_count", AUTO_REPLAY_MAX),
        .auto_replay_since = json_integer_value(json_object_get(entry, "auto_replay_since")),
    };
}

static json_t *make_entry(const struct operator_choice *choice)
{
    return json_pack("{s:b,s:b,s:I,s:I,s:I}", "broadcast", (int)choice->broadcast, "auto_replay",
                     (int)choice->auto_replay, "repeat_count", (json_int_t)choice->repeat_count,
                     "auto_replay_count", (json_int_t)choice->auto_replay_count,
                     "auto_replay_since", (json_int_t)choice->auto_replay_since);
}

static bool says_nothing(const struct operator_choice *choice)
{
    return !choice->broadcast && !choice->auto_replay && choice->repeat_count == 1 &&
           choice->auto_replay_count == 1;
}

static bool same(const struct operator_choice *a, const struct operator_choice *b)
{
    return a->broadcast == b->broadcast && a->auto_replay == b->auto_replay &&
           a->repeat_count == b->repeat_count && a->auto_replay_count == b->auto_replay_count &&
           a->auto_replay_since == b->auto_replay_since;
}

static void count_repeats(struct operator_state *state)
{
    const char *key;
    json_t *entry;
    unsigned repeats = 0;
    json_object_foreach(state->entries, key, entry) repeats += read_entry(entry).auto_replay;
    atomic_store(&state->repeats, repeats);
}

/* ---- the file ---- */

static void path_of(const struct operator_state *state, const char *end, char out[PATH_ROOM])
{
    (void)snprintf(out, PATH_ROOM, "%s/" FILE_NAME "%s", state->data_dir, end);
}

static enum status save(const struct operator_state *state, struct error *err)
{
    char path[PATH_ROOM];
    json_t *tree = json_pack("{s:i,s:O}", "version", FILE_VERSION, "entries", state->entries);
    char *text = json_dumps(tree, JSON_INDENT(1) | JSON_SORT_KEYS);
    json_decref(tree);
    if (!text)
        return error_set(err, STATUS_FULL, "no memory for " FILE_NAME);
    path_of(state, "", path);
    enum status status = file_replace(path, span_text(text), FILE_MODE, err);
    free(text);
    return status;
}

/* Only what is an entry is taken over. */
static void take(struct operator_state *state, const json_t *tree)
{
    const char *key;
    json_t *entry;
    json_object_foreach(json_object_get(tree, "entries"), key, entry)
    {
        struct operator_choice choice = read_entry(entry);
        if (json_object_size(state->entries) < OPERATOR_STATE_MAX &&
            strlen(key) < OPERATOR_KEY_MAX && !says_nothing(&choice))
            (void)json_object_set_new(state->entries, key, make_entry(&choice));
    }
    count_repeats(state);
}

static void put_aside(const struct operator_state *state, const char *why)
{
    char path[PATH_ROOM], aside[PATH_ROOM];
    path_of(state, "", path);
    path_of(state, ".bad", aside);
    log_warn("%s: %s; it is put aside as %s", path, why, aside);
    if (rename(path, aside) != 0)
        log_warn("%s: %s", aside, strerror(errno));
}

static enum status load(struct operator_state *state, struct error *err)
{
    char path[PATH_ROOM];
    struct buffer text = {0};
    json_error_t fault;
    ssize_t count;
    path_of(state, "", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? STATUS_OK : error_errno(err, errno, "%s", path);
    while ((count = read(fd, buffer_reserve(&text, 65536), 65536)) > 0 && text.len < FILE_MAX)
        text.len += (size_t)count;
    int number = errno;
    close(fd);
    json_t *tree = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &fault);
    buffer_close(&text);
    if (count < 0)
        return error_errno(err, number, "%s", path);
    if (json_integer_value(json_object_get(tree, "version")) == FILE_VERSION)
        take(state, tree);
    else
        put_aside(state, tree ? "it is of another version" : fault.text);
    json_decref(tree);
    return STATUS_OK;
}

/* ---- opening and closing ---- */

enum status operator_state_open(struct operator_state **out, const char *data_dir,
                                struct error *err)
{
    struct operator_state *state = memory_new(sizeof *state);
    enum status status;
    (void)pthread_mutex_init(&state->lock, NULL);
    state->entries = json_object();
    if (strlen(data_dir) >= sizeof state->data_dir)
        status = error_set(err, STATUS_INVALID, "%s: the path is too long", data_dir);
    else {
        (void)snprintf(state->data_dir, sizeof state->data_dir, "%s", data_dir);
        status = load(state, err);
    }
    if (status != STATUS_OK) {
        operator_state_close(state);
        state = NULL;
    }
    *out = state;
    return status;
}

void operator_state_close(struct operator_state *state)
{
    if (!state)
        return;
    json_decref(state->entries);
    (void)pthread_mutex_destroy(&state->lock);
    free(state);
}

/* ---- asking and changing ---- */

/* "[::1]:3333" and "203.0.113.9:3333" without what is behind the last colon. */
static size_t host_len(struct span peer)
{
    size_t len = peer.len;
    while (len > 0 && peer.data[len - 1] != ':')
        len--;
    return len > 0 ? len - 1 : peer.len;
}

void operator_key(char out[OPERATOR_KEY_MAX], struct span worker, struct span peer)
{
    if (worker.len > 0)
        text_fill(out + snprintf(out, OPERATOR_KEY_MAX, "worker:"),
                  OPERATOR_KEY_MAX - sizeof "worker:", worker);
    else
        (void)snprintf(out, OPERATOR_KEY_MAX, "peer:%.*s", (int)host_len(peer),
                       peer.data ? peer.data : "");
}

void operator_state_get(struct operator_state *state, const char *key, struct operator_choice *out)
{
    (void)pthread_mutex_lock(&state->lock);
    *out = read_entry(json_object_get(state->entries, key));
    (void)pthread_mutex_unlock(&state->lock);
}

static enum status put(struct operator_state *state, const char *key,
                       const struct operator_choice *choice, struct error *err)
{
    json_t *before = json_incref(json_object_get(state->entries, key));
    if (!before && json_object_size(state->entries) >= OPERATOR_STATE_MAX)
        return error_set(err, STATUS_FULL, "%u miners have choices of their own already",
                         OPERATOR_STATE_MAX);
    if (says_nothing(choice))
        (void)json_object_del(state->entries, key);
    else
        (void)json_object_set_new(state->entries, key, make_entry(choice));
    enum status status = save(state, err);
    if (status != STATUS_OK && before)
        (void)json_object_set(state->entries, key, before);
    else if (status != STATUS_OK)
        (void)json_object_del(state->entries, key);
    json_decref(before);
    return status;
}

enum status operator_state_change(struct operator_state *state, const char *key,
                                  void (*change)(struct operator_choice *choice, uint32_t value),
                                  uint32_t value, struct operator_choice *out, struct error *err)
{
    (void)pthread_mutex_lock(&state->lock);
    *out = read_entry(json_object_get(state->entries, key));
    struct operator_choice before = *out;
    change(out, value);
    enum status status = STATUS_OK;
    if (!same(out, &before))
        status = put(state, key, out, err);
    if (status == STATUS_OK)
        count_repeats(state);
    else
        *out = before;
    (void)pthread_mutex_unlock(&state->lock);
    return status;
}

bool operator_state_repeats(const struct operator_state *state)
{
    return atomic_load(&state->repeats) > 0;
}

size_t operator_state_count(struct operator_state *state)
{
    (void)pthread_mutex_lock(&state->lock);
    size_t count = json_object_size(state->entries);
    (void)pthread_mutex_unlock(&state->lock);
    return count;
}
