/*
 * packet.h - TCP conversations made up: addresses, sequence numbers, headers with their checksums.
 *
 * A conversation has two ends, 0 that connected and 1 that accepted. Each packet is written in
 * front of its payload, which the caller has put where it belongs.
 *
 * Sources: RFC 791, 8200 (IP), 9293 (TCP), 1071 (checksum), 7323 (window scale), 6864 (DF and an
 * identification of 0), 4291 2.5.5.2 (IPv4-mapped addresses), 5737 (192.0.2.0/24).
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_EXPORT_PACKET_H
#define HASHSCOPE_EXPORT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define PACKET_IPV4_HEADER     20
#define PACKET_IPV6_HEADER     40
#define PACKET_TCP_HEADER      20
#define PACKET_SYN_OPTIONS     8
#define PACKET_ETHERNET_HEADER 14
#define PACKET_HEADERS_MAX                                                                         \
    (PACKET_ETHERNET_HEADER + PACKET_IPV6_HEADER + PACKET_TCP_HEADER + PACKET_SYN_OPTIONS)

struct packet_address {
    uint8_t ip[16]; /* IPv4: the first four */
    uint16_t port;
    bool v6;
};

/* "203.0.113.9:3333", "[2001:db8::1%eth0]:3333" (the zone is passed over). False: none. */
bool packet_address_parse(struct packet_address *out, struct span text);

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u

struct packet_flow {
    struct packet_address end[2]; /* both of one family */
    uint32_t next[2];             /* sequence number of the next byte that each end sends */
    uint32_t seen[2];             /* of each end's bytes, up to where the other has acknowledged */
    uint32_t fixed_sum;           /* of what is in the checksum of every packet */
    uint16_t payload_max;         /* of one segment */
    bool ethernet;
};

/* Makes both ends one family. `opened_us`: with the addresses, what the initial sequence numbers
 * come from; next[] are these numbers. */
void packet_flow_init(struct packet_flow *flow, const struct packet_address *connecting,
                      const struct packet_address *accepting, int64_t opened_us, unsigned mtu,
                      bool ethernet);

/* How long the headers are: what to leave free in front of the payload. */
size_t packet_header_len(const struct packet_flow *flow, unsigned tcp_flags);

/* Writes the headers to `out`; the payload stands behind them already. `end` sends; sequence
 * numbers go on (SYN and FIN count as one). */
void packet_write(struct packet_flow *flow, uint8_t *out, int end, unsigned tcp_flags,
                  size_t payload_len);

/* The Internet checksum's sum of some bytes, from an even place, not yet folded to 16 bits. */
uint64_t packet_sum(uint64_t sum, const void *data, size_t len);

#endif
