/* What `hashscope up` says to its user; see up.h. Nothing here can fail. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/up.h"
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

/* Where a miner elsewhere reaches us: IPv4 addresses that are up and not the loopback. */
static int print_addresses(const struct up *up)
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
        fprintf(stderr, "%s stratum+tcp://%s:%s", printed == 0 ? "" : " or", host, port_of(up));
        printed++;
    }
    freeifaddrs(all);
    return printed;
}

static void print_miner_hint(const struct up *up)
{
    fputs("  point a miner at it      ", stderr);
    if (!listens_everywhere(up))
        fprintf(stderr, " stratum+tcp://%s", up->listen);
    else if (print_addresses(up) == 0)
        fprintf(stderr, " stratum+tcp://127.0.0.1:%s", port_of(up));
    fputc('\n', stderr);
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
        fprintf(stderr, "  pool                      %s\n",
                settings_text(up->settings, "POOL_HOST"));
    fprintf(stderr, "  recorder                  listens on %s\n", up->listen);
    print_miner_hint(up);
    if (up->link[0] != '\0')
        fprintf(stderr, "  web pages and API         %s\n", up->link);
    if (up->demo)
        fputs("  record a real pool        hashscope up --pool-host HOST --pool-port PORT\n"
              "                            (or POOL_HOST=… and POOL_PORT=… in .env)\n",
              stderr);
    fprintf(stderr,
            "  everything is kept in     %s (hashscope cat shows it, logs/ says what happened)\n"
            "  Ctrl-C stops all of it\n\n",
            up->data_dir);
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
