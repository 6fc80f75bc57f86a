/* Bytes from one stream to another (lib/event/forward.c): together, in order, before all else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define SOURCES 3

struct scene;

struct source {
    struct stream stream;
    struct scene *scene;
    int peer;
};

/* What each source gets goes to the one sink. */
struct scene {
    struct event_rig rig;
    struct source sources[SOURCES];
    struct stream sink;
    int sink_peer;
    void (*act)(struct scene *scene, const char *data, size_t len);
    unsigned calls, ends, flushes;
    size_t flushed, piece; /* bytes */
    uint64_t tags[200];
    size_t tag_count, sent;
};

static struct scene *scene_of(struct stream *stream)
{
    struct source *source = stream->user;
    return source->scene;
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct scene *scene = scene_of(stream);
    scene->calls++;
    scene->act(scene, data, len);
}

static void on_end(struct stream *stream)
{
    struct scene *scene = scene_of(stream);
    scene->ends++;
    stream_shutdown(&scene->sink);
}

static void on_error(struct stream *stream, int code)
{
    ck_abort_msg("%s", stream_error_text(stream, code));
}

static void on_closed(struct stream *stream)
{
    (void)stream;
}

static const struct stream_callbacks callbacks = {
    .on_data = on_data, .on_end = on_end, .on_error = on_error, .on_closed = on_closed};

static void on_flushed(void *user, const struct stream_forward *done, size_t count)
{
    struct scene *scene = user;
    scene->flushes++;
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(done[i].to, &scene->sink);
        scene->flushed += done[i].len;
        scene->sent += done[i].sent;
        if (scene->tag_count < sizeof scene->tags / sizeof scene->tags[0])
            scene->tags[scene->tag_count++] = done[i].tag;
    }
}

static void scene_open(struct scene *scene, void (*act)(struct scene *, const char *, size_t))
{
    int fds[2];
    *scene = (struct scene){.act = act};
    rig_open(&scene->rig);
    scene->rig.loop.on_flushed = on_flushed;
    scene->rig.loop.user = scene;
    socket_pair_tcp(fds);
    stream_init(&scene->sink, &scene->rig.loop, &callbacks, &scene->sources[0]);
    ck_assert_int_eq(stream_open(&scene->sink, fds[0]), STATUS_OK);
    scene->sink_peer = fds[1];
    for (int i = 0; i < SOURCES; i++) {
        struct source *source = &scene->sources[i];
        source->scene = scene;
        socket_pair_tcp(fds);
        source->peer = fds[1];
        stream_init(&source->stream, &scene->rig.loop, &callbacks, source);
        ck_assert_int_eq(stream_open(&source->stream, fds[0]), STATUS_OK);
        stream_read_start(&source->stream);
    }
    rig_turns(&scene->rig, 3);
}

static void scene_close(struct scene *scene)
{
    stream_close(&scene->sink, false);
    close(scene->sink_peer);
    for (int i = 0; i < SOURCES; i++) {
        stream_close(&scene->sources[i].stream, false);
        close(scene->sources[i].peer);
    }
    rig_close(&scene->rig);
}

static void say(struct scene *scene, int source, const char *text)
{
    size_t len = strlen(text);
    ck_assert_int_eq(send(scene->sources[source].peer, text, len, 0), (ssize_t)len);
}

static void expect(struct scene *scene, const char *text)
{
    char got[512] = "";
    size_t len = 0, wanted = strlen(text);
    while (len < wanted) {
        ssize_t count = recv(scene->sink_peer, got + len, sizeof got - len, 0);
        ck_assert_int_gt(count, 0);
        len += (size_t)count;
    }
    ck_assert_uint_eq(len, wanted);
    ck_assert_mem_eq(got, text, wanted);
}

static bool nothing_came(const struct scene *scene)
{
    char byte;
    return recv(scene->sink_peer, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static void forward(struct scene *scene, const char *data, size_t len)
{
    ck_assert(nothing_came(scene));
    stream_forward(&scene->sink, data, len, scene->calls);
}

START_TEST(what_comes_together_goes_out_together)
{
    struct scene scene;
    scene_open(&scene, forward);
    say(&scene, 0, "one ");
    say(&scene, 1, "two ");
    say(&scene, 2, "three");
    rig_turns(&scene.rig, 1);
    ck_assert_uint_eq(scene.calls, 3);
    ck_assert_uint_eq(scene.flushes, 1);
    ck_assert_uint_eq(scene.sent, 13);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(scene.tags[i], i + 1);
    expect(&scene, "one two three");
    scene_close(&scene);
}
END_TEST

static void forward_and_write(struct scene *scene, const char *data, size_t len)
{
    forward(scene, data, len);
    ck_assert_uint_eq(scene->flushes, 0);
    ck_assert_uint_eq(stream_write(&scene->sink, "behind", 6), 6);
    ck_assert_uint_eq(scene->flushes, 1);
}

START_TEST(a_write_goes_out_behind_it)
{
    struct scene scene;
    scene_open(&scene, forward_and_write);
    say(&scene, 0, "first, ");
    rig_turns(&scene.rig, 1);
    expect(&scene, "first, behind");
    scene_close(&scene);
}
END_TEST

static void forward_and_close(struct scene *scene, const char *data, size_t len)
{
    forward(scene, data, len);
    stream_close(&scene->sink, false);
}

START_TEST(an_end_and_a_close_come_behind_it)
{
    struct scene scene;
    char byte;
    scene_open(&scene, forward);
    say(&scene, 1, "last words");
    shutdown(scene.sources[1].peer, SHUT_WR);
    rig_turns(&scene.rig, 2);
    ck_assert_uint_eq(scene.ends, 1);
    expect(&scene, "last words");
    ck_assert_int_eq(recv(scene.sink_peer, &byte, 1, 0), 0);
    scene_close(&scene);
    scene_open(&scene, forward_and_close);
    say(&scene, 1, "last words");
    rig_turns(&scene.rig, 1);
    expect(&scene, "last words");
    ck_assert_int_eq(recv(scene.sink_peer, &byte, 1, 0), 0);
    scene_close(&scene);
}
END_TEST

static void forward_bytes(struct scene *scene, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        stream_forward(&scene->sink, data + i, 1, i);
}

START_TEST(more_pieces_than_may_wait)
{
    struct scene scene;
    char text[151];
    for (size_t i = 0; i < 150; i++)
        text[i] = (char)('a' + i % 26);
    text[150] = '\0';
    scene_open(&scene, forward_bytes);
    say(&scene, 0, text);
    rig_turns(&scene.rig, 1);
    ck_assert_uint_eq(scene.tag_count, 150);
    ck_assert_uint_ge(scene.flushes, 150 / STREAM_FORWARDS);
    for (size_t i = 0; i < 150; i++)
        ck_assert_uint_eq(scene.tags[i], i);
    expect(&scene, text);
    scene_close(&scene);
}
END_TEST

static void forward_any(struct scene *scene, const char *data, size_t len)
{
    stream_forward(&scene->sink, data, len, 0);
}

static bool all_forwarded(void *user)
{
    struct scene *scene = user;
    return scene->flushed == scene->piece;
}

/* Long pieces, and a sink that takes no more: all of it is there, in order, the rest queued. */
START_TEST(a_flood_for_a_sink_that_does_not_read)
{
    struct scene scene;
    const size_t most = 12u << 20;
    char *bytes = malloc(most), *got = malloc(most);
    unsigned seed = 5;
    size_t have = 0;
    fill_random(bytes, most, &seed);
    scene_open(&scene, forward_any);
    while (scene.piece < most) {
        size_t part = most - scene.piece < 50000 ? most - scene.piece : 50000;
        ssize_t sent = send(scene.sources[0].peer, bytes + scene.piece, part, MSG_DONTWAIT);
        scene.piece += sent > 0 ? (size_t)sent : 0;
        rig_turns(&scene.rig, 1);
    }
    rig_run_until(&scene.rig, all_forwarded, &scene);
    ck_assert_uint_gt(scene.sink.queued, 0);
    ck_assert_uint_lt(scene.sent, most);
    while (have < most) {
        ssize_t count = recv(scene.sink_peer, got + have, most - have, MSG_DONTWAIT);
        have += count > 0 ? (size_t)count : 0;
        rig_turns(&scene.rig, 1);
    }
    ck_assert_mem_eq(got, bytes, most);
    scene_close(&scene);
    free(bytes);
    free(got);
}
END_TEST

int main(void)
{
    return UNIT_RUN("forwarding between streams", what_comes_together_goes_out_together,
                    a_write_goes_out_behind_it, an_end_and_a_close_come_behind_it,
                    more_pieces_than_may_wait, a_flood_for_a_sink_that_does_not_read);
}
