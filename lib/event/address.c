/*
 * address.c - socket addresses as text and back. Nothing here asks a resolver.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/event/connect.h"

void endpoint_format(char out[ENDPOINT_TEXT_MAX], const char *host, uint16_t port)
{
    bool ipv6 = strchr(host, ':') != NULL;
    (void)snprintf(out, ENDPOINT_TEXT_MAX, "%s%.255s%s:%u", ipv6 ? "[" : "", host, ipv6 ? "]" : "",
                   port);
}

static void format_ipv4(char out[ADDRESS_TEXT_MAX], const void *host, uint16_t port)
{
    char text[INET_ADDRSTRLEN];
    (void)inet_ntop(AF_INET, host, text, sizeof text);
    (void)snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", text, ntohs(port));
}

static void format_ipv6(char out[ADDRESS_TEXT_MAX], const struct sockaddr_in6 *in6)
{
    char text[INET6_ADDRSTRLEN];
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        format_ipv4(out, &in6->sin6_addr.s6_addr[12], in6->sin6_port);
        return;
    }
    (void)inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
    if (in6->sin6_scope_id != 0)
        (void)snprintf(out, ADDRESS_TEXT_MAX, "[%.39s%%%u]:%u", text, in6->sin6_scope_id,
                       ntohs(in6->sin6_port));
    else
        (void)snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%u", text, ntohs(in6->sin6_port));
}

void address_format(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;
    out[0] = '\0';
    if (address->ss_family == AF_INET)
        format_ipv4(out, &in4->sin_addr, in4->sin_port);
    else if (address->ss_family == AF_INET6)
        format_ipv6(out, (const struct sockaddr_in6 *)address);
}

enum status address_parse(struct sockaddr_storage *out, const char *host, uint16_t port,
                          struct error *err)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &in4.sin_addr) == 1) {
        memcpy(out, &in4, sizeof in4);
        return STATUS_OK;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        memcpy(out, &in6, sizeof in6);
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID,
                     "\"%s\" is not a numeric address (such as 0.0.0.0, 127.0.0.1 or ::)", host);
}

void address_unmap(struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return;
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(&in4.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof in4.sin_addr);
    memset(address, 0, sizeof *address);
    memcpy(address, &in4, sizeof in4);
}
