/*
 * How it works: `tshark -G folders` prints a name, a colon, a tab and a path in each line.
 *
 * How it can fail: no Wireshark, or one that prints something else; the folders are then those that
 * every version since 3.0 uses on Unix, below HOME.
 */
#include "cli/commands/wireshark_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX 1048576

/* ---- running ---- */

static void read_all(int fd, struct buffer *out)
{
    size_t begin = out->len;
    ssize_t count;

    do {
        char *room = buffer_reserve(out, 4096);

        count = read(fd, room, 4096);
        if (count > 0 && out->len - begin < ANSWER_MAX)
            out->len += (size_t)count;
    } while (count > 0 || (count < 0 && errno == EINTR));
}

static bool start(pid_t *child, char *const argv[], int write_end)
{
    posix_spawn_file_actions_t actions;
    int fault;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    fault = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return fault == 0;
}

bool wireshark_ask(const char *program, const char *argument, const char *argument2,
                   struct buffer *out)
{
    char words[3][64];
    char *argv[] = {words[0], words[1], argument2 == NULL ? NULL : words[2], NULL};
    pid_t child = 0;
    int ends[2], how = -1;

    snprintf(words[0], sizeof(words[0]), "%s", program);
    snprintf(words[1], sizeof(words[1]), "%s", argument);
    snprintf(words[2], sizeof(words[2]), "%s", argument2 == NULL ? "" : argument2);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool started = start(&child, argv, ends[1]);
    close(ends[1]);
    if (started)
        read_all(ends[0], out);
    close(ends[0]);
    while (started && waitpid(child, &how, 0) < 0 && errno == EINTR)
        continue;
    return started && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

/* ---- folders ---- */

/* The rest of the line that begins with `name`; false when there is none. */
static bool find_line(const struct buffer *text, const char *name, char out[PROGRAM_PATH_MAX])
{
    const char *at = text->data;
    const char *end = text->data + text->len;
    size_t len = strlen(name);

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;

        if ((size_t)(stop - at) > len && memcmp(at, name, len) == 0) {
            at += len;
            at += strspn(at, " \t");
            snprintf(out, PROGRAM_PATH_MAX, "%.*s", (int)(stop - at), at);
            return out[0] == '/';
        }
        at = stop + 1;
    }
    return false;
}

static void use_usual(struct wireshark_folders *folders)
{
    const char *home = getenv("HOME");

    if (home == NULL || home[0] != '/')
        return;
    snprintf(folders->plugins, PROGRAM_PATH_MAX, "%s/.local/lib/wireshark/plugins", home);
    snprintf(folders->extcap, PROGRAM_PATH_MAX, "%s/.local/lib/wireshark/extcap", home);
}

static void read_answer(struct wireshark_folders *folders, struct buffer *answer)
{
    char path[PROGRAM_PATH_MAX];

    buffer_append_char(answer, '\0'); /* for the search behind a name at the very end */
    answer->len--;
    if (find_line(answer, "Personal Lua Plugins:", path))
        memcpy(folders->plugins, path, sizeof(path));
    if (find_line(answer, "Personal Extcap path:", path)) {
        memcpy(folders->extcap, path, sizeof(path));
        folders->extcap_is_read = true;
    }
    if (find_line(answer, "Extcap path:", path) || find_line(answer, "Global Extcap path:", path))
        memcpy(folders->extcap_system, path, sizeof(path));
}

void wireshark_folders_read(struct wireshark_folders *out)
{
    static const char *const programs[] = {"tshark", "wireshark"};

    *out = (struct wireshark_folders){.asked = NULL};
    use_usual(out);
    for (size_t i = 0; i < 2 && out->asked == NULL; i++) {
        struct buffer answer = {0};

        if (wireshark_ask(programs[i], "-G", "folders", &answer)) {
            out->asked = programs[i];
            read_answer(out, &answer);
        }
        buffer_close(&answer);
    }
}
