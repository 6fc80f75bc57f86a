/* What `hashscope up` says to its user; see up.h. Nothing here can fail. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/up/up.h"
#include "lib/base/version.h"

#define ADDRESSES_MOST 3

static const char *port_of(const struct up *up)
{
    const char *colon = strrchr(up->listen, ':');

    return colon == NULL ? "?" : colon + 1;
}

/* Whether the recorder listens on all addresses of this machine. */
static bool listens_everywhere(const struct up *up)
{
    return strncmp(up->listen, "0.0.0.0:", 8) == 0 || strncmp(up->listen, "[::]:", 5) == 0;
}

/* Where others reach us: IPv4 addresses that are up and not the loopback, each as before and after
 * say. */
static int print_addresses(const char *before, const char *after)
{
    struct ifaddrs *all = NULL;
    int printed = 0;

    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *at = all; at != NULL && printed < ADDRESSES_MOST;
         at = at->ifa_next) {
        char host[NI_MAXHOST];

        if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET ||
            (at->ifa_flags & IFF_UP) == 0 || (at->ifa_flags & IFF_LOOPBACK) != 0 ||
            getnameinfo(at->ifa_addr, sizeof(struct sockaddr_in), host, sizeof(host), NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        fprintf(stderr, "%s %s%s%s", printed == 0 ? "" : " or", before, host, after);
        printed++;
    }
    freeifaddrs(all);
    return printed;
}

static void print_miner_hint(const struct up *up)
{
    char port[16];

    snprintf(port, sizeof(port), ":%s", port_of(up));
    fputs("  point a miner at it      ", stderr);
    if (!listens_everywhere(up))
        fprintf(stderr, " stratum+tcp://%s", up->listen);
    else if (print_addresses("stratum+tcp://", port) == 0)
        fprintf(stderr, " stratum+tcp://127.0.0.1%s", port);
    fputc('\n', stderr);
}

/* The link for this machine, and the same for others where they are let in. */
static void print_pages(const struct up *up)
{
    const char *host = settings_text(up->settings, "API_HOST");
    const char *name = strstr(up->link, "//127.0.0.1:");

    fprintf(stderr, "  web pages and API         %s\n", up->link);
    if (name != NULL && (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)) {
        char scheme[16];

        snprintf(scheme, sizeof(scheme), "%.*s//", (int)(name - up->link), up->link);
        fputs("    from another machine   ", stderr);
        if (print_addresses(scheme, strchr(name, ':')) == 0)
            fputs(" (this one has no address that others reach)", stderr);
        fputc('\n', stderr);
    }
    if (up->ui_port != 0)
        fprintf(stderr, "    the pages again         port %u (UI_PORT)\n", up->ui_port);
}

/* With a pool of its own there may be nothing to see for long. */
static void print_what_next(const struct up *up)
{
    if (up->demo)
        fprintf(stderr,
                "  record a real pool        %s up --pool-host HOST --pool-port PORT\n"
                "                            (or POOL_HOST=… and POOL_PORT=… in .env)\n",
                up->self);
    else
        fputs("  waiting for a miner       give it the address above in place of its pool's; its\n"
              "                            worker name and password stay\n",
              stderr);
}

void up_print_welcome(const struct up *up)
{
    fprintf(stderr, "HashScope %s is up%s\n", HASHSCOPE_VERSION,
            up->demo ? ": a demo, because POOL_HOST is not set" : "");
    if (up->demo)
        fprintf(stderr,
                "  simulated pool            127.0.0.1:%u\n"
                "  simulated miners          %lld, mining through the recorder\n",
                up->pool_port, (long long)up->options.miners);
    else if (settings_text(up->settings, "ROUTES") != NULL)
        fputs("  pools                     as ROUTES says\n", stderr);
    else
        fprintf(stderr, "  pool                      %s\n", up->target);
    fprintf(stderr, "  recorder                  listens on %s\n", up->listen);
    print_miner_hint(up);
    if (up->link[0] != '\0')
        print_pages(up);
    if (up->api_fault[0] != '\0')
        fprintf(stderr, "  %-25s %s\n",
                up->link[0] == '\0' ? "NO web pages and no API" : "    NOT again", up->api_fault);
    print_what_next(up);
    if (settings_boolean(up->settings, "NOSTR_ENABLED"))
        fputs("  NOSTR_ENABLED is true     and does nothing: this version publishes no shares\n",
              stderr);
    fprintf(stderr,
            "  is a port taken?          --listen-port, --api-port, --ui-port choose others\n"
            "  everything is kept in     %s (%s cat shows it, logs/ says what happened)\n"
            "  Ctrl-C stops all of it\n\n",
            up->data_dir, up->self);
}

void up_print_log(const char *path, long offset)
{
    FILE *file = fopen(path, "re");
    char text[4096];
    size_t len;

    if (file == NULL)
        return;
    if (fseek(file, offset, SEEK_SET) == 0) {
        while ((len = fread(text, 1, sizeof(text), file)) > 0)
            fwrite(text, 1, len, stderr);
    }
    fclose(file);
}
