/* Settings: the four sources and who wins, all faults at once, secrets, the command line, JSON. */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/option_name.h"
#include "lib/base/version.h"
#include "tests/unit/base/options_support.h"
#include "tests/unit/unit.h"

static void expect_faults(const char *argument, const char *faults)
{
    struct loaded loaded = load(ALL_GROUPS, argument, NULL, NULL);

    ck_assert_int_eq(loaded.status, *faults != '\0' ? STATUS_INVALID : STATUS_OK);
    ck_assert_str_eq(loaded.faults.data, faults);
    unload(&loaded);
}

/* ---- who wins ---- */

static void expect_port(const char *argument, int64_t port, enum option_source source)
{
    struct loaded loaded = load(ALL_GROUPS, argument, NULL, NULL);

    ck_assert_str_eq(loaded.faults.data, "");
    ck_assert_int_eq(settings_integer(loaded.settings, "POOL_PORT"), port);
    ck_assert_int_eq(settings_source(loaded.settings, "POOL_PORT"), source);
    unload(&loaded);
}

START_TEST(command_line_beats_environment_beats_file_beats_default)
{
    enter_empty_directory();
    expect_port(NULL, 3333, SOURCE_DEFAULT);
    write_file(".env", "POOL_PORT=1001\n");
    expect_port(NULL, 1001, SOURCE_FILE);
    setenv("POOL_PORT", "1002", 1);
    expect_port(NULL, 1002, SOURCE_ENVIRONMENT);
    expect_port("--pool-port=1003", 1003, SOURCE_COMMAND_LINE);
    leave_directory();
}
END_TEST

START_TEST(an_empty_value_takes_the_default_back)
{
    enter_empty_directory();
    write_file(".env", "POOL_PORT=1001\nPOOL_HOST=\n");
    setenv("POOL_PORT", "", 1);
    expect_port(NULL, 3333, SOURCE_DEFAULT);
    setenv("POOL_PORT", "1002", 1);
    expect_port("--pool-port=", 3333, SOURCE_DEFAULT);
    leave_directory();
}
END_TEST

START_TEST(only_what_is_in_force_is_checked)
{
    enter_empty_directory();
    write_file(".env", "POOL_PORT=none\n");
    setenv("POOL_PORT", "99999", 1);
    expect_port("--pool-port=4444", 4444, SOURCE_COMMAND_LINE);
    leave_directory();
}
END_TEST

START_TEST(the_last_of_equal_lines_counts)
{
    enter_empty_directory();
    write_file(".env", "POOL_PORT=1\nPOOL_PORT=2\n");
    expect_port(NULL, 2, SOURCE_FILE);
    leave_directory();
}
END_TEST

START_TEST(another_file_can_be_named)
{
    enter_empty_directory();
    write_file(".env", "POOL_PORT=1\n");
    write_file("other.env", "POOL_PORT=2\n");
    expect_port("--env-file=other.env", 2, SOURCE_FILE);
    expect_faults("--env-file=missing.env",
                  "missing.env can't be read: No such file or directory\n");
    leave_directory();
}
END_TEST

START_TEST(settings_of_other_programs_are_left_alone)
{
    struct loaded loaded;

    enter_empty_directory();
    write_file(".env", "API_PORT=nonsense\nLOG_LEVEL=debug\n");
    setenv("NOSTR_KIND_SHARE", "nonsense", 1);
    loaded = load(GROUP_COMMON | GROUP_RECORDER, NULL, NULL, NULL);
    ck_assert_str_eq(loaded.faults.data, "");
    ck_assert_str_eq(settings_text(loaded.settings, "LOG_LEVEL"), "debug");
    ck_assert_int_eq(settings_integer(loaded.settings, "API_PORT"), 8000);
    unload(&loaded);
    leave_directory();
}
END_TEST

/* ---- faults ---- */

START_TEST(all_faults_at_once_with_place_value_and_what_was_expected)
{
    enter_empty_directory();
    write_file(".env", "POOL_HSOT=x\n"
                       "nonsense\n"
                       "COMPOSE_PROFILES=y\n"
                       "RETAIN_DAYS=-1\n"
                       "SOMETHING_ELSE_ALTOGETHER=1\n");
    setenv("RING_BYTES", "1M", 1);
    setenv("PROXY_PROTOCOL_OUT", "v3", 1);
    expect_faults("--pool-tls-verify=perhaps",
                  ".env, line 1: no setting is called POOL_HSOT; is POOL_HOST meant?\n"
                  ".env, line 2: expected = behind the name\n"
                  ".env, line 5: no setting is called SOMETHING_ELSE_ALTOGETHER\n"
                  "POOL_TLS_VERIFY = \"perhaps\" (--pool-tls-verify): expected true or false\n"
                  "PROXY_PROTOCOL_OUT = \"v3\" (the environment): expected one of off, v1, v2\n"
                  "RING_BYTES = \"1M\" (the environment): expected bytes (K, M, G, T are allowed) "
                  "from 16M to 1T\n"
                  "RETAIN_DAYS = \"-1\" (.env, line 4): expected an integer from 0 to 100000\n");
    leave_directory();
}
END_TEST

START_TEST(a_row_at_fault_falls_back_and_the_program_can_add_its_own)
{
    struct loaded loaded;

    enter_empty_directory();
    loaded = load(ALL_GROUPS, "--pool-port=x", "--pool-host=a b", NULL);
    ck_assert_int_eq(loaded.status, STATUS_INVALID);
    ck_assert_int_eq(settings_integer(loaded.settings, "POOL_PORT"), 3333);
    buffer_clear(&loaded.faults);
    settings_fault(&loaded.faults, loaded.settings, "POOL_HOST", "a host name");
    settings_fault(&loaded.faults, loaded.settings, "ROUTES", "routes");
    settings_fault(&loaded.faults, loaded.settings, "LISTEN_HOST", "an address");
    *buffer_reserve(&loaded.faults, 1) = '\0';
    ck_assert_str_eq(loaded.faults.data,
                     "POOL_HOST = \"a b\" (--pool-host): expected a host name\n"
                     "ROUTES is not set: expected routes\n"
                     "LISTEN_HOST = \"0.0.0.0\" (the default): expected an address\n");
    buffer_clear(&loaded.faults);
    settings_refuse(&loaded.faults, loaded.settings, "POOL_HOST", "there is a blank in it");
    *buffer_reserve(&loaded.faults, 1) = '\0';
    ck_assert_str_eq(loaded.faults.data, "POOL_HOST = \"a b\" (--pool-host): there is a blank in "
                                         "it\n");
    unload(&loaded);
    leave_directory();
}
END_TEST

START_TEST(a_password_in_front_of_a_host_is_not_repeated)
{
    static const char *const cases[][2] = {
        {"--pool-host=stratum+tcp://bob:hu/sh=@pool.example.com:1",
         "POOL_HOST = \"***@pool.example.com:1\" (--pool-host): why\n"},
        {"--pool-host=bob@pool.example.com:1",
         "POOL_HOST = \"bob@pool.example.com:1\" (--pool-host): why\n"},
    };

    enter_empty_directory();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loaded loaded = load(ALL_GROUPS, cases[i][0], NULL, NULL);
        ck_assert_int_eq(loaded.status, STATUS_OK);
        settings_refuse(&loaded.faults, loaded.settings, "POOL_HOST", "why");
        *buffer_reserve(&loaded.faults, 1) = '\0';
        ck_assert_str_eq(loaded.faults.data, cases[i][1]);
        unload(&loaded);
    }
    leave_directory();
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_a_fault)
{
    enter_empty_directory();
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    expect_faults("--env-file=folder", "folder can't be read: Is a directory\n");
    leave_directory();
}
END_TEST

START_TEST(a_huge_file_is_a_fault)
{
    FILE *file;

    enter_empty_directory();
    file = fopen(".env", "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1024 * 1024 + 1; i++)
        fputc('\n', file);
    ck_assert_int_eq(fclose(file), 0);
    expect_faults(NULL, ".env is larger than 1 MiB\n");
    leave_directory();
}
END_TEST

START_TEST(secrets_are_masked_everywhere)
{
    struct loaded loaded;
    struct buffer json = {0};

    enter_empty_directory();
    setenv("API_TOKEN", "hush\nhush", 1);
    write_file(".env", "NOSTR_SK=whisper\n");
    loaded = load(ALL_GROUPS, "--worker-password=mumble", NULL, NULL);
    ck_assert_str_eq(loaded.faults.data, "API_TOKEN = *** (the environment): expected text without "
                                         "control characters\n");
    settings_append_json(&json, loaded.settings, ALL_GROUPS);
    *buffer_reserve(&json, 1) = '\0';
    ck_assert_ptr_null(strstr(json.data, "hush"));
    ck_assert_ptr_null(strstr(json.data, "whisper"));
    ck_assert_ptr_null(strstr(json.data, "mumble"));
    ck_assert_str_eq(settings_text(loaded.settings, "NOSTR_SK"), "whisper");
    buffer_close(&json);
    unload(&loaded);
    leave_directory();
}
END_TEST

START_TEST(values_are_escaped_in_faults)
{
    enter_empty_directory();
    expect_faults("--pool-port=\x1b[2J\n",
                  "POOL_PORT = \"\\u001b[2J\\n\" (--pool-port): expected an integer from 1 to "
                  "65535\n");
    leave_directory();
}
END_TEST

START_TEST(a_boolean_flag_without_value_means_yes)
{
    struct loaded loaded;

    enter_empty_directory();
    loaded = load(ALL_GROUPS, "--nostr-enabled", "--pool-tls-verify=no", NULL);
    ck_assert_str_eq(loaded.faults.data, "");
    ck_assert(settings_boolean(loaded.settings, "NOSTR_ENABLED"));
    ck_assert(!settings_boolean(loaded.settings, "POOL_TLS_VERIFY"));
    ck_assert_ptr_null(settings_text(loaded.settings, "POOL_HOST"));
    unload(&loaded);
    leave_directory();
}
END_TEST

START_TEST(json_tells_value_and_source_by_type)
{
    struct buffer text = {0};
    struct loaded loaded;
    json_t *tree;

    enter_empty_directory();
    write_file(".env", "POOL_HOST=pool.example.com\n");
    setenv("RING_BYTES", "32M", 1);
    loaded = load(ALL_GROUPS, "--nostr-enabled", NULL, NULL);
    settings_append_json(&text, loaded.settings, ALL_GROUPS);
    tree = json_loadb(text.data, text.len, 0, NULL);
    ck_assert_ptr_nonnull(tree);
    ck_assert_uint_eq(json_object_size(tree), option_count);
#define MEMBER(name, member) json_object_get(json_object_get(tree, name), member)
    ck_assert_str_eq(json_string_value(MEMBER("POOL_HOST", "value")), "pool.example.com");
    ck_assert_str_eq(json_string_value(MEMBER("POOL_HOST", "source")), "file");
    ck_assert_int_eq(json_integer_value(MEMBER("RING_BYTES", "value")), 32 * 1024 * 1024);
    ck_assert_str_eq(json_string_value(MEMBER("RING_BYTES", "source")), "environment");
    ck_assert(json_is_true(MEMBER("NOSTR_ENABLED", "value")));
    ck_assert_str_eq(json_string_value(MEMBER("NOSTR_ENABLED", "source")), "command line");
    ck_assert(json_is_null(MEMBER("ROUTES", "value")));
    ck_assert_str_eq(json_string_value(MEMBER("ROUTES", "source")), "default");
#undef MEMBER
    json_decref(tree);
    buffer_clear(&text);
    settings_append_json(&text, loaded.settings, 0);
    ck_assert(span_equal_text(span_make(text.data, text.len), "{}"));
    buffer_close(&text);
    unload(&loaded);
    leave_directory();
}
END_TEST

/* ---- ends of the process ---- */

/* Runs a load in a child with stdout and stderr into `out`; its wait status. */
static int load_in_child(unsigned groups, const char *argument, FILE *out)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct loaded loaded;

        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(out), STDERR_FILENO);
        loaded = load(groups, argument, NULL, NULL);
        settings_text(loaded.settings, "POOL_PORT"); /* an integer: aborts */
        _exit(99);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void check_child(unsigned groups, const char *argument, int status, const char *output)
{
    char text[65536] = "";
    FILE *out = tmpfile();

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(WEXITSTATUS(load_in_child(groups, argument, out)), status);
    rewind(out);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, out), 0);
    ck_assert_msg(strstr(text, output) != NULL, "%s", text);
    fclose(out);
}

START_TEST(version_help_and_unknown_flags_end_the_program)
{
    enter_empty_directory();
    check_child(GROUP_COMMON, "--version", 0, "HashScope " HASHSCOPE_VERSION "\n");
    check_child(GROUP_COMMON, "--help", 0, "--data-dir=DIR");
    check_child(GROUP_RECORDER, "--help", 0, "--pool-host=HOST");
    check_child(GROUP_RECORDER, "--usage", 0, "--env-file=FILE");
    check_child(GROUP_COMMON, "--pool-host=x", SETTINGS_EXIT_STATUS, "unrecognized option");
    check_child(ALL_GROUPS, "stray", SETTINGS_EXIT_STATUS, "Too many arguments");
    leave_directory();
}
END_TEST

START_TEST(a_name_of_another_type_is_a_fault_of_the_programmer)
{
    FILE *out = tmpfile();
    int status;

    enter_empty_directory();
    status = load_in_child(ALL_GROUPS, NULL, out);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    fclose(out);
    leave_directory();
}
END_TEST

static error_t parse_extra(int key, char *argument, struct argp_state *state)
{
    struct buffer *seen = state->input;

    if (key != 'f' && key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    buffer_append_text(seen, key == 'f' ? "-f" : argument);
    buffer_append_char(seen, ' ');
    return 0;
}

START_TEST(flags_and_arguments_of_the_program_go_to_its_own_parser)
{
    static const struct argp_option options[] = {{"follow", 'f', NULL, 0, "go on", 0}, {0}};
    static const struct argp extra = {options, parse_extra, "FILE...", "Shows.", NULL, NULL, NULL};
    char *argv[] = {
        (char *)"tail", (char *)"one", (char *)"--log-level", (char *)"debug", (char *)"-f",
        (char *)"two",  NULL};
    struct settings *settings;
    struct buffer seen = {0};
    struct buffer faults = {0};

    enter_empty_directory();
    ck_assert_int_eq(settings_load(&settings, GROUP_COMMON, 6, argv, &extra, &seen, &faults),
                     STATUS_OK);
    ck_assert(span_equal_text(span_make(seen.data, seen.len), "-f one two "));
    ck_assert_str_eq(settings_text(settings, "LOG_LEVEL"), "debug");
    settings_free(settings);
    buffer_close(&seen);
    leave_directory();
}
END_TEST

int main(void)
{
    return UNIT_RUN("options", command_line_beats_environment_beats_file_beats_default,
                    an_empty_value_takes_the_default_back, only_what_is_in_force_is_checked,
                    the_last_of_equal_lines_counts, another_file_can_be_named,
                    settings_of_other_programs_are_left_alone,
                    all_faults_at_once_with_place_value_and_what_was_expected,
                    a_row_at_fault_falls_back_and_the_program_can_add_its_own,
                    a_password_in_front_of_a_host_is_not_repeated,
                    a_file_that_cannot_be_read_is_a_fault, a_huge_file_is_a_fault,
                    secrets_are_masked_everywhere, values_are_escaped_in_faults,
                    a_boolean_flag_without_value_means_yes, json_tells_value_and_source_by_type,
                    version_help_and_unknown_flags_end_the_program,
                    a_name_of_another_type_is_a_fault_of_the_programmer,
                    flags_and_arguments_of_the_program_go_to_its_own_parser);
}
